import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressRanges, clientAddress, isAddressRange, networkOf, plainAddress } from './address.ts';

const proxies = addressRanges(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);

test('an untrusted peer is the client, whatever it says', () => {
  assert.equal(clientAddress('203.0.113.9', '198.51.100.1', proxies), '203.0.113.9');
});

test('behind trusted proxies the last address they did not add themselves is the client', () => {
  assert.equal(clientAddress('127.0.0.1', '198.51.100.1', proxies), '198.51.100.1');
  assert.equal(clientAddress('127.0.0.1', '6.6.6.6, 198.51.100.1, 10.1.2.3', proxies), '198.51.100.1');
  assert.equal(clientAddress('fd00::1', '2001:DB8:0:0:0:0:0:1', proxies), '2001:db8::1');
  assert.equal(clientAddress('127.0.0.1', undefined, proxies), '127.0.0.1');
});

test('what is no address ends the search at the hop before', () => {
  assert.equal(clientAddress('127.0.0.1', '198.51.100.1, unknown', proxies), '127.0.0.1');
  assert.equal(clientAddress('127.0.0.1', '1.2.3.4, <script>, 10.0.0.1', proxies), '10.0.0.1');
  assert.equal(clientAddress('127.0.0.1', '', proxies), '127.0.0.1');
});

test('an address has one spelling', () => {
  assert.equal(plainAddress('::ffff:10.0.0.1'), '10.0.0.1');
  assert.equal(plainAddress('0000:0000:0000:0000:0000:ffff:7f00:0001'), '127.0.0.1');
  assert.equal(plainAddress('2001:0DB8::0001'), '2001:db8::1');
});

test('ranges are told from other text', () => {
  for (const good of ['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', '0.0.0.0/0']) assert.ok(isAddressRange(good), good);
  for (const bad of ['', '10.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129', 'localhost', '10.0.0.0/-1']) {
    assert.ok(!isAddressRange(bad), bad);
  }
});

test('limits count an IPv6 customer as one, however many addresses there are', () => {
  assert.equal(networkOf('192.0.2.7'), '192.0.2.7');
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2');
  assert.equal(networkOf('2001:db8:1:2::9'), '2001:db8:1:2');
  assert.equal(networkOf('2001:db8::1'), '2001:db8:0:0');
  assert.equal(networkOf('::1'), '0:0:0:0');
  assert.equal(networkOf('not an address'), 'not an address');
});
