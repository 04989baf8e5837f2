// The SQL migrations travel with the built JavaScript, so that `dist/` is complete by itself. A migration that was
// renamed or taken away must not stay behind; and none is missing for a moment, since a server may be starting, or
// another build be at work.
import { cpSync, readdirSync, rmSync } from 'node:fs';

const from = 'sql/migrations';
const to = 'dist/sql/migrations';
cpSync(from, to, { recursive: true });
const wanted = new Set(readdirSync(from));
for (const name of readdirSync(to)) if (!wanted.has(name)) rmSync(`${to}/${name}`, { recursive: true, force: true });
