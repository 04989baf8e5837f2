// The SQL migrations travel with the built JavaScript, so that `dist/` is complete by itself.
import { cpSync } from 'node:fs';

cpSync('sql/migrations', 'dist/sql/migrations', { recursive: true });
