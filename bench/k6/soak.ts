/** The chat for half an hour; the runner watches memory and descriptors meanwhile and reports their slopes. */
import type { Options } from 'k6/options';
import { options as chatOptions } from './chat.ts';

export { default } from './chat.ts';

export const options: Options = chatOptions;
