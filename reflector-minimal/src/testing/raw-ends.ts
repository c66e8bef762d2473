import { afterAll, beforeAll, beforeEach } from 'vitest';
import { RawDevice } from './raw-device.ts';
import { RawUser } from './raw-user.ts';
import { extensions, Stage } from './stage.ts';

/** A reflector for all tests of a file, with a user and a device for each who send what a test gives them. */
export class RawEnds {
  declare stage: Stage;
  declare user: RawUser;
  declare device: RawDevice;

  constructor() {
    beforeAll(async () => {
      // The one device comes for each test, faster than any device that is in order.
      this.stage = await Stage.open({ limits: { arrivalsPerDevice: 10_000 } });
    });
    beforeEach(async () => {
      const agent = await this.stage.agent({
        extensions,
        properties: [{ name: 'targetPorts', value: '80' }],
      });
      this.device = new RawDevice(agent);
      this.user = new RawUser(this.stage.port);
      return () => {
        this.user.destroy();
        agent.destroy();
      };
    });
    afterAll(() => this.stage.close());
  }
}
