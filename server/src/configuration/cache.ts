import { Type } from 'typebox';

export const cacheSchema = Type.Object({
  bytes: Type.Integer({
    minimum: 4_194_304,
    maximum: 68_719_476_736,
    description:
      'Memory for images, style sheets, scripts and fonts of devices, which are given again while they are fresh. One of them takes at most an eighth.',
  }),
});
