// `npm run keygen`: a new key for access tokens, as PASERK. Nothing is stored.
import { generateSigningKey } from '../server/accounts/signing-keys.ts';

const key = await generateSigningKey();
process.stdout.write(`PASETO_SECRET_KEY=${key.secret}
# To change keys without ending sessions: first give every instance this key's public half, then the secret one, and
# keep the old public half until no token of it is left, 15 minutes later.
# PASETO_PUBLIC_KEYS=${key.public}
`);
