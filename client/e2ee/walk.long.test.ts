import { walks } from './testing/walks.ts';

walks(Array.from({ length: 40 }, (_, i) => i + 5));
