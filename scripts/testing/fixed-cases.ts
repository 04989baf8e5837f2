// Loaded before each test file where a change is judged: the properties then try the same cases every time, so that the
// verdict is about the change. Everyone else, and `npm run test:long`, draws fresh cases; a failure prints its seed.
import fc from 'fast-check';

fc.configureGlobal({ seed: 20_260_101 });
