// The SQL migrations travel with the built JavaScript, so that `dist/` is complete by itself. A migration that was
// renamed or taken away must not stay behind.
import { cpSync, mkdirSync, rmSync } from 'node:fs';

rmSync('dist/sql/migrations', { recursive: true, force: true });
mkdirSync('dist/sql/migrations', { recursive: true });
cpSync('sql/migrations', 'dist/sql/migrations', { recursive: true });
