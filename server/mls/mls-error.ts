/** Every way an MLS object can be refused, each with the sentence its sender is told. */
const sentences = {
  too_large: 'The object is larger than allowed.',
  bad_base64url: 'The text is not canonical base64url without padding.',
  truncated: 'The object ends before it is complete.',
  trailing_bytes: 'Bytes follow where the object should end.',
  bad_varint: 'A length is not a valid variable-size integer.',
  non_minimal_varint: 'A length is encoded in more bytes than it needs.',
  bad_value: 'A field holds a value the format does not allow.',
  bad_length: 'A key, hash, signature or list has the wrong length.',
  too_many: 'A list has more entries than allowed.',
  wrong_version: 'Only MLS 1.0 is accepted.',
  wrong_wire_format: 'This is another kind of MLS message than expected.',
  wrong_suite: 'Only cipher suite 1 is accepted.',
  wrong_credential: 'Only basic credentials are accepted.',
  bad_identity: 'The identity in the credential is not of the form <userId>:<deviceId>.',
  wrong_identity: 'The identity in the credential belongs to another device.',
  wrong_signature_key: 'The signature key is not the one registered for the device.',
  wrong_leaf_source: 'The leaf was made for another purpose.',
  bad_capabilities: 'The leaf does not support what it uses or what every group needs.',
  duplicate_extension: 'An extension occurs twice.',
  reused_key: 'The init key is also the encryption key of the leaf.',
  bad_leaf_signature: 'The signature of the leaf is wrong.',
  bad_signature: 'The signature is wrong.',
  lifetime_not_started: 'The lifetime of the key package has not begun.',
  lifetime_over: 'The key package has expired.',
  lifetime_too_long: 'The lifetime of the key package is longer than allowed.',
  bad_group_id: 'The group id is not a conversation id followed by a generation.',
  bad_epoch: 'The epoch is out of range.',
  wrong_group: 'This belongs to another group.',
  wrong_epoch: 'This belongs to another epoch.',
  wrong_sender_type: 'Only members of the group may send this.',
  wrong_sender: 'The sending leaf is not the leaf of this device.',
  wrong_content_type: 'The message has another type of content than expected.',
  authenticated_data_too_long: 'The authenticated data is longer than allowed.',
  proposal_by_reference: 'Proposals must be part of the commit.',
  forbidden_proposal: 'Only Add and Remove proposals are accepted.',
  path_required: 'This commit must carry an update path.',
  duplicate_add: 'A device is added twice.',
  duplicate_remove: 'A leaf is removed twice.',
  self_remove: 'A commit can not remove its own sender.',
  unknown_leaf: 'The leaf to remove is not occupied.',
  already_member: 'The device to add is in the group already.',
  adds_differ: 'The declared adds are not those the commit contains.',
  removes_differ: 'The declared removes are not those the commit contains.',
  welcome_differs: 'The welcome is not for exactly the devices that are added.',
} as const;

export type MlsReason = keyof typeof sentences;

/**
 * An MLS object was refused. The only thing the decoders and checks of this folder throw, whatever bytes they are
 * given.
 */
export class MlsError extends Error {
  override readonly name = 'MlsError';
  readonly reason: MlsReason;

  constructor(reason: MlsReason) {
    super(sentences[reason]);
    this.reason = reason;
  }
}

/** Refuses unless `condition` holds. */
export function ensure(condition: boolean, reason: MlsReason): asserts condition {
  if (!condition) throw new MlsError(reason);
}
