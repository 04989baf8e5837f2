import { parseLeafIdentity } from '../../protocol/identity.ts';
import { ensure, MlsError } from './mls-error.ts';
import { readList, type TlsReader } from './tls.ts';

/** What makes a leaf valid, by where it was made: RFC 9420 section 7.2. */
export type LeafSource =
  | { readonly kind: 'key_package'; readonly notBefore: bigint; readonly notAfter: bigint }
  | { readonly kind: 'commit' };

/** A LeafNode, as far as the server cares. `userId` and `deviceId` are what its credential claims. */
export type LeafNode = {
  readonly encryptionKey: Uint8Array;
  readonly signatureKey: Uint8Array;
  readonly userId: string;
  readonly deviceId: string;
  readonly source: LeafSource;
  /** The bytes before the signature; for a leaf in a commit, group id and leaf index follow them in what is signed. */
  readonly signedPart: Uint8Array;
  readonly signature: Uint8Array;
};

const version = 1;
export const suite = 1;
const basic = 1;
/** Extension types up to this one are part of the RFC and need no mention in the capabilities. */
const lastDefaultExtension = 5;
/** Far above what clients list, far below what would be work. */
const mostCapabilities = 256;
const mostExtensions = 32;

/**
 * Reads a LeafNode of cipher suite 1 with a basic credential, refusing one that contradicts itself. Signatures are
 * not checked.
 */
export function readLeafNode(reader: TlsReader): LeafNode {
  const start = reader.position;
  const encryptionKey = reader.vector(32);
  const signatureKey = reader.vector(32);
  ensure(reader.uint16() === basic, 'wrong_credential');
  const device = readIdentity(reader.vector());
  const supportedExtensions = readCapabilities(reader);
  const source = readSource(reader);
  const extensions = readExtensions(reader);
  const isSupported = (type: number) => type <= lastDefaultExtension || supportedExtensions.includes(type);
  ensure(extensions.every(isSupported), 'bad_capabilities');
  const signedPart = reader.since(start);
  const signature = reader.vector(64);
  return { encryptionKey, signatureKey, ...device, source, signedPart, signature };
}

/** Reads `Extension extensions<V>`: their types. Each may occur once. */
export function readExtensions(reader: TlsReader): number[] {
  const types = readList(reader, mostExtensions, (list) => {
    const type = list.uint16();
    list.vector();
    return type;
  });
  ensure(new Set(types).size === types.length, 'duplicate_extension');
  return types;
}

function readIdentity(bytes: Uint8Array): { userId: string; deviceId: string } {
  // latin1 maps bytes to characters one to one, so only the very bytes of an identity read as one.
  const device = bytes.length === 73 ? parseLeafIdentity(Buffer.from(bytes).toString('latin1')) : undefined;
  if (!device) throw new MlsError('bad_identity');
  return device;
}

/**
 * Reads Capabilities and returns the extensions. A leaf that doesn't list what groups use would make every Add of it
 * fail.
 */
function readCapabilities(reader: TlsReader): number[] {
  const list = () => readList(reader, mostCapabilities, (elements) => elements.uint16());
  const versions = list();
  const suites = list();
  const extensions = list();
  list();
  const credentials = list();
  const usable = versions.includes(version) && suites.includes(suite) && credentials.includes(basic);
  ensure(usable, 'bad_capabilities');
  return extensions;
}

function readSource(reader: TlsReader): LeafSource {
  switch (reader.uint8()) {
    case 1:
      return { kind: 'key_package', notBefore: reader.uint64(), notAfter: reader.uint64() };
    case 3:
      // The parent hash is empty where the path has no parents (RFC 9420 section 7.9).
      ensure([0, 32].includes(reader.vector().length), 'bad_length');
      return { kind: 'commit' };
    default:
      // 2 is a leaf in an Update proposal, which no accepted message contains.
      throw new MlsError('wrong_leaf_source');
  }
}
