import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getCiphersuiteFromName, getCiphersuiteImpl } from 'ts-mls';
import { randomBytes } from './bytes.ts';
import { fastSuite, suiteName } from './ts-mls-crypto.ts';

test("the fast provider computes what the library's own does, both ways and for small and large inputs", async () => {
  const own = await getCiphersuiteImpl(getCiphersuiteFromName(suiteName));
  const fast = await fastSuite();
  const { publicKey, signKey } = await own.signature.keygen();
  for (const length of [0, 1, 31, 32, 33, 64, 65, 200, 2048, 2049, 5000]) {
    const [data, key, nonce] = [randomBytes(length), randomBytes(16), randomBytes(12)];
    const long = randomBytes(32 + (length % 100));
    const secret = randomBytes(32); // of one length wherever MLS derives
    assert.deepEqual(await fast.hash.digest(data), await own.hash.digest(data));
    const mac = await own.hash.mac(long, data);
    assert.deepEqual(await fast.hash.mac(long, data), mac);
    assert.equal(await fast.hash.verifyMac(long, mac, data), true);
    assert.equal(await fast.hash.verifyMac(long, mac.subarray(1), data), false);
    assert.deepEqual(await fast.kdf.extract(secret, data), await own.kdf.extract(secret, data));
    for (const size of [12, 16, 32, 80])
      assert.deepEqual(await fast.kdf.expand(secret, data, size), await own.kdf.expand(secret, data, size));
    const sealed = await fast.hpke.encryptAead(key, nonce, long, data);
    assert.deepEqual(sealed, await own.hpke.encryptAead(key, nonce, long, data));
    assert.deepEqual(await fast.hpke.decryptAead(key, nonce, long, sealed), data);
    assert.deepEqual(await own.hpke.decryptAead(key, nonce, long, sealed), data);
    await assert.rejects(fast.hpke.decryptAead(key, nonce, randomBytes(3), sealed));
    const signature = await fast.signature.sign(signKey, data);
    assert.deepEqual(signature, await own.signature.sign(signKey, data));
    assert.equal(await own.signature.verify(publicKey, data, signature), true);
    assert.equal(await fast.signature.verify(publicKey, data, signature), true);
    assert.equal(await fast.signature.verify(publicKey, long, signature), false);
  }
});
