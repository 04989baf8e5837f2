import { hash } from 'node:crypto';
import { conversationEpoch, groupEpoch, MAX_GENERATION } from '../../protocol/epoch.ts';
import type { Reply, RequestBody } from '../../protocol/index.ts';
import { RequestError, unavailable } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import { type Commit, readCommit } from '../mls/commit.ts';
import { type GroupId, readGroupId } from '../mls/group-id.ts';
import { type JudgedCommit, judgeCommit } from '../mls/judge-commit.ts';
import { leafOf, newGroup } from '../mls/leaves.ts';
import { ensure } from '../mls/mls-error.ts';
import { checkWelcome } from '../mls/welcome.ts';
import type { CommitStore, CommitVerdict, GroupBefore, NewCommit } from '../store/commits.ts';
import { commitJson } from '../store/json.ts';
import type { Identity } from '../store/store.ts';
import type { Appender } from './append.ts';
import { checked } from './checked.ts';
import type { Connection, Hub } from './hub.ts';

type Body = RequestBody<'commit.send'>;

/** A commit as it came, read. */
interface Given {
  readonly body: Body;
  readonly groupId: GroupId;
  readonly commit: Commit;
  readonly bytes: Buffer;
  readonly welcome: Buffer | undefined;
  readonly adds: readonly { readonly deviceId: string; readonly ref: Buffer }[];
}

export type Commits = ReturnType<typeof createCommits>;

/**
 * Takes commits. Each is read when it comes; then it takes its turn in the conversation's line, is judged against the
 * group as it stands, and stored if the group still stands so: one commit per epoch, in the same log as the messages.
 */
export function createCommits(deps: {
  appender: Appender;
  store: CommitStore;
  hub: Hub;
  limits: Limits;
  /** A conversation got its first entry. */
  began: (conversationId: string) => void;
  isUnavailable: (error: unknown) => boolean;
}) {
  const { appender, store, hub, limits, began, isUnavailable } = deps;

  async function judgeAndStore(identity: Identity, given: Given): Promise<CommitVerdict> {
    const { conversationId, clientId } = given.body;
    const before = await store.group(identity, conversationId, clientId);
    const common = {
      conversationId,
      clientId,
      digest: digestOf(given.body),
      base: given.body.baseEpoch,
      commit: given.bytes,
    };
    // What was stored before is answered as it was then, whatever has changed since.
    if (before.earlier)
      return store.append(identity, { ...common, next: 0, fresh: false, adds: [], removes: [], welcome: undefined });
    if (before.standing !== 'ok') return { state: before.standing };
    // Only now: a row for each conversation that somebody makes up would have no bound.
    await limits.take('commit', `${identity.userId}:${conversationId}`);
    if (before.epoch !== given.body.baseEpoch) return { state: 'stale_epoch', epoch: before.epoch };
    return store.append(identity, { ...common, ...judge(identity, given, before), welcome: given.welcome });
  }

  function answer(
    given: Given,
    identity: Identity,
    stored: Extract<CommitVerdict, { members: unknown }>,
    origin: Connection | undefined,
  ): void {
    const { conversationId, commit, adds } = given.body;
    const { seq, epoch, members } = stored;
    const sentAt = stored.sentAt.toISOString();
    const entry = commitJson({
      conversationId,
      seq,
      senderId: identity.userId,
      senderDeviceId: identity.deviceId,
      epoch,
      commit,
      sentAt,
    });
    // A duplicate is told again: the first time may have died between commit and publish.
    hub.entry(members, conversationId, seq, `{"type":"commit.new","body":${entry}}`, origin);
    if (adds.length > 0)
      hub.wake(
        members,
        adds.map(({ deviceId }) => deviceId),
      );
    if (seq === 1 && stored.state === 'stored') began(conversationId);
  }

  return {
    /**
     * `answered` and `refused` are called in the order of the conversation's log, in the turn in which others are told.
     * `origin`: the connection whose reply takes the event's place. Throws what is wrong with the commit by itself.
     */
    send(
      identity: Identity,
      body: Body,
      origin: Connection | undefined,
      answered: (reply: Reply<'commit.send'>) => void,
      refused: (error: unknown) => void,
    ): void {
      const given = readGiven(body);
      appender.append({
        conversationId: body.conversationId,
        owner: identity.userId,
        bytes: body.commit.length + (body.welcome?.length ?? 0),
        async run() {
          // Counted here and not before the line, where it would let what was sent later go first.
          const verdict = await limits
            .take('commit_account', identity.userId)
            .then(() => judgeAndStore(identity, given))
            .catch((error: unknown) => ({ error }));
          if ('error' in verdict) {
            const unknown = isUnavailable(verdict.error);
            refused(unknown ? unavailable() : verdict.error);
            return !unknown;
          }
          if (!('members' in verdict)) {
            refused(refusal(verdict));
            return true;
          }
          const { seq, epoch } = verdict;
          // The reply first: it takes the event's place on this connection, and what follows must come after it.
          answered({ seq, epoch, duplicate: verdict.state === 'duplicate' });
          answer(given, identity, verdict, origin);
          return true;
        },
        giveUp: () => refused(unavailable()),
      });
    },
  };
}

/** Reads what was sent; everything that can be wrong with it by itself is found here. */
function readGiven(body: Body): Given {
  const bytes = Buffer.from(body.commit, 'base64url');
  const welcome = body.welcome === undefined ? undefined : Buffer.from(body.welcome, 'base64url');
  const adds = body.adds.map(({ deviceId, ref }) => ({ deviceId, ref: Buffer.from(ref, 'base64url') }));
  const groupId = checked('groupId', () => {
    const read = readGroupId(Buffer.from(body.groupId, 'base64url'));
    ensure(read.conversationId === body.conversationId, 'wrong_group');
    ensure(read.generation <= MAX_GENERATION, 'bad_group_id');
    return read;
  });
  const commit = checked('commit', () => readCommit(bytes));
  checked('welcome', () => {
    if (welcome === undefined) ensure(adds.length === 0, 'welcome_differs');
    else
      checkWelcome(
        welcome,
        adds.map(({ ref }) => ref),
      );
  });
  return { body, groupId, commit, bytes, welcome: adds.length === 0 ? undefined : welcome, adds };
}

/** Judges a commit whose base epoch is the current one. */
function judge(
  identity: Identity,
  given: Given,
  before: GroupBefore,
): Pick<NewCommit, 'next' | 'fresh' | 'adds' | 'removes'> {
  const { groupId, commit, body } = given;
  const { userId, deviceId } = identity;
  if (before.deviceKey === undefined)
    throw new RequestError('conflict', { message: 'Register the keys of this device first.' });
  const { deviceKey } = before;
  const current = groupEpoch(before.epoch);
  // The first group, or the one after the present one: a reset.
  const fresh = groupId.generation === (before.epoch === 0 ? 0 : current.generation + 1);
  checked('groupId', () => ensure(fresh || groupId.generation === current.generation, 'wrong_group'));
  const mlsEpoch = fresh ? 0 : current.mlsEpoch;
  const leaves = fresh ? newGroup(deviceId) : before.leaves;
  if (leafOf(leaves, deviceId) === undefined)
    throw new RequestError('forbidden', { message: 'This device is not in the group.' });
  const judged: JudgedCommit = checked('commit', () =>
    judgeCommit(commit, {
      groupId,
      baseEpoch: mlsEpoch,
      leaves,
      sender: { userId, deviceId, deviceKey },
      adds: given.adds,
      removes: body.removes,
    }),
  );
  return {
    next: conversationEpoch(groupId.generation, mlsEpoch + 1),
    fresh,
    adds: judged.adds,
    removes: judged.removes.map((leaf) => leaf.deviceId),
  };
}

/** SHA-256 over what a sender gave with a client id. The first line keeps it apart from every message's. */
function digestOf({ baseEpoch, groupId, commit, adds, removes, welcome = '' }: Body): Buffer {
  return hash(
    'sha256',
    `commit\n${baseEpoch}\n${groupId}\n${commit}\n${welcome}\n${JSON.stringify([adds, removes])}`,
    'buffer',
  );
}

function refusal(verdict: Exclude<CommitVerdict, { members: unknown }>): RequestError {
  switch (verdict.state) {
    case 'idempotency_conflict':
      return new RequestError(verdict.state, { details: { seq: verdict.seq, sentAt: verdict.sentAt.toISOString() } });
    case 'stale_epoch':
      return new RequestError(verdict.state, { details: { epoch: verdict.epoch } });
    case 'unclaimed':
      return new RequestError('bad_request', {
        message: 'Only key packages that this device claimed for this conversation can be added, each once.',
        details: { field: 'adds', reason: 'unclaimed' },
      });
    default:
      return new RequestError(verdict.state);
  }
}
