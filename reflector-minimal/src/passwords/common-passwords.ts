/**
 * What people choose when they are asked for a long password: words and phrases that head every published list of leaked
 * passwords, and those that come to mind here. In lower case and without digits or punctuation around them, which
 * `rules.ts` takes off before it looks.
 */
export const commonPasswords: ReadonlySet<string> = new Set(
  `
aaaaaa abcabc abcdef abcdefg abcdefgh absolutely access accessdenied account achilles action adgjmptw admin
adminadmin administrator adminpassword adobe advanced airborne alejandra alejandro alexander alexandra alexandria
allison alphabet amanda america american anderson andrea andrew angel angela angelica angelina anthony anything
apollo apple applepie appletree april aquarius arsenal asdasd asdasdasd asdf asdfasdf asdfg asdfgh asdfghjk asdfghjkl
asdfghjklzxcvbnm asdfjkl ashley assassin asshole athena august austin australia autumn awesome azerty azertyuiop
babygirl babygirls backspace backup badboy bailey balance banana barcelona barney baseball baseballs basketball batman
beautiful beckham benjamin betterdays bigdaddy bigdog birthday biteme blackbird blackberry blackjack blessed blessing
blink bluebird bluesky bonjour boomer boston bradley brandon bridget britney broadway brooklyn brother bubbles buddy
buddydog bulldog bullshit buster butterfly butterflies calculator california camaro cameron cambridge canada
captain cardinal caroline carolina catherine celtic challenger champion changeit changeme changemenow changethis
charlie charlotte cheese chelsea cherry chester chicago chicken chocolate chocolates chris christ christian
christina christine christmas christopher cinderella classic claudia cleopatra clifford coffee colorado commander
company companyname computer computers confidential connect control cookie cookies cooldude cooper corvette cosmos
country courtney cowboy cowboys creative cristina crystal dallas daniel daniela daniele danielle dankmemes darkness
database david debian december default defaultpassword delta demo desktop destiny device devices diablo diamond
diamonds disney doctor dolphin dolphins dominic donald dragon dragonball dragons dreamer dreams drowssap
eastern eclipse edward einstein electric elephant elizabeth embedded emmanuel engineer engineering enterprise
eternity everything evolution excalibur explorer fabulous facebook falcon family fantasia fantastic fashion february
felicity fender fernando ferrari firebird firefighter fireman firewall firmware fitness florence florida flower
flowers football footballs forever foreverlove forgetit forgotten fortune france francesco francis freedom friday friend
friends friendship friendly frosty fuckoff fuckyou fuckyouall gabriel gabriela galaxy gandalf gateway garfield gemini
genesis geronimo getmein gibson ginger giovanni girlfriend goddess godisgood godislove godzilla golden goldfish
goodluck goodmorning google gorgeous grandma greatest greenday guardian guest guitar gunner hahaha hallo hallohallo
handsome happiness happy happybirthday happyday harley harleydavidson harrypotter hawaii heather hello hellohello
hellokitty helloworld hellothere helpme hercules heslo hockey holiday hollywood homework honey honeybee honeymoon hotdog
hottie hunter iamgod iamtheboss icecream iceman identity idontknow iforgot ihateyou iloveme ilovemyself iloveyou
iloveyouforever iloveyousomuch iloveu imagine immortal incorrect independent industrial infinity inside install
internet intruder invincible ironman isabella isabelle italia jackass jackson january jasmine jason jasper jefferson
jennifer jeremiah jessica jesus jesuschrist jesusislord jesuslovesme johncena johnson jonathan jordan joseph joshua
juliana july junior jupiter justice justin justinbieber katherine kathryn kennwort kennedy kevin keyboard kimberly
kingkong kingston kissme kitty klaster knight kristina laptop lasvegas lauren leonardo letmein letmeinnow letmeinplease
letmepass liberty lifeisgood lifehack linkinpark linux liverpool london longhorn lorenzo lovelove lovely loveme
loverboy loveyou loveyouforever lucky macchina machine maintenance manager manchester manchesterunited marina marlboro
marlborolight martin master masterkey masterpassword matrix matthew maverick maximus melissa mercedes mercury
metallica mexico michael michelle microsoft midnight miguel millenium millennium minecraft mohammed monday money
monitor monkey monkeys monster monsters montana monopoly moonlight morgan mother motherfucker motorola mountain
muhammad mustang mybaby mybirthday myfamily mylife mylove myname mypass mypassword myself myspace mysecret nascar
natalia natasha nathalie network newcastle newpassword newyork newyorkcity nicholas nicole nintendo nirvana nopassword
nothing november nothingtosee obsession october officer olivia onelove opendoor openme openopen opensesame operator
orange original outlaw padrino panasonic panther paradise parola parola passion passme passpass passphrase
passw passwd passwdpasswd password passwordpassword passwords passwort patience patricia patrick peaches peanut
pepper perfect personal peter phoenix photo picture pineapple pinkfloyd platinum playboy playstation please
pleaseletmein pokemon police popcorn porsche portugal power precious predator preston princess princesa principal
printer private production project public pumpkin purple qazwsx qazwsxedc qazwsxedcrfv qweasd qweasdzxc qwert qwerty
qwertyqwerty qwertyu qwertyui qwertyuiop qwertyuiopasdfghjkl qwertz qwertzuiop rachel raiders rainbow rainbows
raspberry raspberrypi readonly realmadrid rebecca reflector remember remote remoteaccess remotecontrol rmagent rmclient
rmreflector rockstar rockyou root rootroot rosebud router runescape sabrina sailormoon samantha samsung santiago sarah
saturday saturn scarface scooby scoobydoo scorpion sebastian secret secretpassword secrets secure security september
serenity service sesame setup shadow shannon sharks sheffield sherlock shithead shopping silver simple simpsons
skateboard skittles skywalker slipknot smokey snickers snowball snowboard snoopy soccer softball solution something
sonysony southpark spartan spider spiderman spongebob spring squirrel starbucks stargate startrek starwars station
stephanie steven stingray strawberry student sublime success summer summertime sunday sunflower sunrise sunset
sunshine super superadmin superman supersecret superstar superuser support supreme surfer sweetheart sweetie sweetpea
sweetness swordfish sysadmin system systems target taylor teacher techno telecom telephone television temporary
temppassword tennessee tequila terminal test tester testing testpassword testtest testuser texas thankyou thebeatles
thebest theboss theking theman thomas thunder thunderbird thursday tiger tigers tinkerbell titanic together tomorrow
topgun topsecret toyota training transformers travel treasure trinity trouble trustme trustno trustnoone tuesday
twilight twister ubuntu undertaker universal universe unknown unlock user username vanessa vampire vegeta verygood
veronica victoria victory viking vincent virginia vodafone volcano volkswagen volleyball wednesday welcome welcomehome
welcometothejungle westside whatever whatsup whocares wildcats william williams windows winner winter wizard wonderful
wonderland wordpass worldcup wrestling writeonly yankees yellow yesterday yourmom yourname yourpassword zaqwsx
zxcvbn zxcvbnm zxcasdqwe zxczxc
correcthorsebatterystaple correcthorse thequickbrownfox thequickbrownfoxjumpsoverthelazydog quickbrownfox
tobeornottobe maytheforcebewithyou winteriscoming
`
    .trim()
    .split(/\s+/),
);
