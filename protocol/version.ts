/**
 * The version of this protocol, told in hello's reply. A change of any schema moves the fingerprint in
 * `version.test.ts`; then a line is added here.
 *
 * 1: the first one.
 */
export const PROTOCOL_VERSION = 1;
