// The device and the user of a reflector that somebody tries out.

/**
 * Adds both, the user as an administrator; gives their passwords and the domain of the device.
 * @param {import('../reflector-minimal/dist/index.js').Reflector} reflector
 * @param {string} deviceId
 * @param {string} userName
 */
export async function addAccounts(reflector, deviceId, userName) {
  const { Installation, deviceSecrets, generatePassword, hashPassword } = await import(
    '../reflector-minimal/dist/index.js'
  );
  const { store } = reflector;
  const passwords = { device: generatePassword(), user: generatePassword() };
  const domain = await new Installation(store).domain();
  const secrets = await deviceSecrets(deviceId, domain, passwords.device, false);
  await store.devices.add({ id: deviceId, domain, secrets }, Date.now(), null);
  await store.users.add(userName, await hashPassword(passwords.user), Date.now(), 'administrator');
  return { ...passwords, domain };
}
