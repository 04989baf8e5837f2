/**
 * The version of this protocol, told in hello's reply. A change of any schema moves the fingerprint in
 * `version.test.ts`; then a line is added here. The fingerprint can't see what a schema checks
 * with code (`v.check`): whoever changes that raises the version by hand.
 *
 * 1: the first one.
 */
export const PROTOCOL_VERSION = 1;
