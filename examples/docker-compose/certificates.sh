#!/bin/sh
# Makes certificates for a trial: an authority, and a server certificate for DOMAIN and *.DOMAIN that it has signed.
#
#   ./certificates.sh remote.localhost
set -eu
domain=${1:?the name of the server}
cd "$(dirname "$0")"
umask 077
mkdir -p certificates
cd certificates
openssl req -x509 -newkey rsa:2048 -nodes -days 825 -subj "/CN=Authority of the trial" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
  -keyout authority.key -out authority.pem
openssl req -newkey rsa:2048 -nodes -subj "/CN=$domain" -keyout server.key -out server.csr
cat >extensions <<END
subjectAltName=DNS:$domain,DNS:*.$domain
extendedKeyUsage=serverAuth
basicConstraints=CA:FALSE
END
openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 397 -extfile extensions -out server.crt
cat server.crt server.key >server.pem
rm server.csr server.crt server.key extensions
chmod 755 .
chmod 644 authority.pem
# HAProxy's image runs as user 99.
chown 99 server.pem
