import { walks } from './testing/walks.ts';

walks([1, 2, 3, 4]);
