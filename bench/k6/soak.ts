/**
 * The chat for half an hour. The runner watches memory and descriptors meanwhile and judges their slopes; here is
 * whether latency stays: it is kept for both halves apart.
 */
import type { Options } from 'k6/options';
import { options as chatOptions } from './chat.ts';

export { default, setup } from './chat.ts';

export const options: Options = {
  ...chatOptions,
  thresholds: {
    // Only so that k6 keeps the halves: latency is for a quiet machine to judge, and half an hour is rarely quiet.
    'delivery_ms{half:first}': ['p(95)<1000'],
    'delivery_ms{half:second}': ['p(95)<1000'],
    faults: ['count==0'],
    messages_received: ['count>0'],
  },
};
