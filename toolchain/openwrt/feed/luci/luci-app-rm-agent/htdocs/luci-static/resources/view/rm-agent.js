'use strict';
'require form';
'require fs';
'require poll';
'require uci';
'require view';

/** What `rm-agent status` prints, or why it prints nothing. */
const readStatus = () =>
  fs.exec('/usr/bin/rm-agent', ['status']).then(
    ({ code, stdout, stderr }) => (code === 0 ? stdout : stderr).trim(),
    (error) => error.message,
  );

const kinds = ['http', 'https', 'ssh', 'vnc', 'rdp', 'vpn', 'app', 'tcp'];

return view.extend({
  load: readStatus,

  render: (first) => {
    const status = E('pre', { id: 'rm-agent-status' }, first);
    poll.add(() =>
      readStatus().then((text) => {
        status.textContent = text;
      }),
    );

    const map = new form.Map(
      'rm-agent',
      _('Remote Access'),
      _('The agent dials a reflector, and its users reach the services below through it.'),
    );
    const agent = map.section(form.NamedSection, 'agent', 'agent', _('Device'));
    let option = agent.option(form.Flag, 'enabled', _('Enabled'));
    option.default = '1';
    option.rmempty = false;
    option = agent.option(
      form.Value,
      'reflector',
      _('Reflector'),
      _('Without it, <code>/etc/rm-agent.json</code> counts as you have written it.'),
    );
    option.placeholder = 'https://remote.example.com/';
    option.validate = (_section, value) =>
      value === '' || /^https?:\/\/[^/\s]+/.test(value) || _('Expecting: an address with http:// or https://');
    option = agent.option(form.Value, 'domain', _('Domain'), _('The UUID that the operator of the reflector gave you.'));
    option.validate = (_section, value) =>
      value === '' || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value) || _('Expecting: a UUID');
    option = agent.option(
      form.Value,
      'id',
      _('Device ID'),
      _('<code>${nodeId}</code> is the hardware address, <code>${hostname}</code> the name of this device.'),
    );
    option.placeholder = '${nodeId}';
    option = agent.option(
      form.Value,
      'password',
      _('Password'),
      _('Of the device at the reflector. Without it, the agent reads <code>/etc/rm-agent.secret</code>.'),
    );
    option.password = true;
    option.write = function (section, value) {
      uci.unset('rm-agent', section, 'password_file');
      return form.Value.prototype.write.call(this, section, value);
    };
    option.remove = function (section) {
      uci.set('rm-agent', section, 'password_file', '/etc/rm-agent.secret');
      return form.Value.prototype.remove.call(this, section);
    };

    const services = map.section(form.GridSection, 'service', _('Services'));
    services.addremove = true;
    services.anonymous = true;
    services.nodescriptions = true;
    option = services.option(form.Value, 'port', _('Port'));
    option.datatype = 'port';
    option.rmempty = false;
    option = services.option(form.ListValue, 'kind', _('Kind'));
    for (const kind of kinds) option.value(kind);
    option = services.option(form.Value, 'name', _('Name'));
    option = services.option(form.Value, 'target', _('Host'), _('Of another device, if the service is not on this one.'));
    option.datatype = 'host';
    option.placeholder = '127.0.0.1';
    option = services.option(form.Value, 'target_port', _('Port there'));
    option.datatype = 'port';
    option.modalonly = true;

    return map.render().then((node) => E([], [node, E('h3', _('State')), status]));
  },
});
