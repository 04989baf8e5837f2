import { mintLinkToken } from '../accounts/link-token.ts';
import type { Log } from '../log.ts';
import { addLinkToken } from '../store/accounts.ts';
import { StoreUnavailable } from '../store/errors.ts';
import type { Gate } from '../store/gate.ts';
import {
  delayMail,
  findMailSubject,
  markMailFailed,
  markMailSent,
  type TakenMail,
  takeDueMail,
} from '../store/mail.ts';
import { mailForm, readParameters, renderMail } from './mail-text.ts';
import { MailRefused, type MailTransport } from './mail-transport.ts';

/** How hard a mail is tried before it is left in the state `failed`, where an operator sees it. */
export interface MailPatience {
  readonly attempts: number;
  /** For a mail that the other side refuses. */
  readonly refusals: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** Longer than any attempt takes; a killed sender's mails are taken up again after it. */
  readonly leaseMs: number;
}

/** About nine hours. */
export const mailPatience: MailPatience = {
  attempts: 25,
  refusals: 3,
  firstDelayMs: 5_000,
  longestDelayMs: 1_800_000,
  leaseMs: 120_000,
};

export interface MailSenderOptions {
  readonly gate: Gate;
  readonly transport: MailTransport;
  /** Where the links point: the public address of this server, without a slash at the end. */
  readonly publicUrl: string;
  readonly log: Log;
  /** Told each link, where no mail server is configured and the operator is the only reader. */
  readonly onLink?: (mail: { address: string; subject: string; link: string }) => void;
  readonly patience?: Partial<MailPatience>;
}

export interface MailSender {
  /** Tries this mail now, if it is due and nobody else has it. */
  sendOne(id: string): Promise<void>;
  /** Tries everything that is due; answers how many. */
  sendDue(): Promise<number>;
}

const BATCH = 10;

/**
 * Takes mails from the outbox and sends them. A mail is marked after the other side has taken it, so a sender that is
 * killed at any moment loses none; killed between the two, it leads to a double.
 */
export function createMailSender(options: MailSenderOptions): MailSender {
  const { gate, transport, publicUrl, log, onLink } = options;
  const patience = { ...mailPatience, ...options.patience };

  async function attempt(mail: TakenMail): Promise<void> {
    try {
      const content = await write(mail);
      if (content === undefined) return await markMailFailed(gate, mail.id, 'what it was about is gone');
      await transport.send({ id: mail.id, createdAt: mail.createdAt, to: mail.address, ...content.mail });
      await markMailSent(gate, mail.id);
      if (content.link !== undefined)
        onLink?.({ address: mail.address, subject: content.mail.subject, link: content.link });
    } catch (error) {
      // The lease brings it back.
      if (error instanceof StoreUnavailable) throw error;
      await giveBack(mail, error);
    }
  }

  async function write(mail: TakenMail) {
    const form = mailForm(mail.kind);
    const username = await findMailSubject(gate, mail.id);
    if (form === undefined || username === undefined) return undefined;
    const link = form.link && (await mintLink(mail, form.link));
    if (form.link !== undefined && link === undefined) return undefined;
    return { mail: renderMail(form, { username, link, parameters: readParameters(mail.parameters) }), link };
  }

  /** Minted now and not before, so that the token exists only in the mail and as a hash. */
  async function mintLink(mail: TakenMail, link: NonNullable<NonNullable<ReturnType<typeof mailForm>>['link']>) {
    const { token, hash } = mintLinkToken();
    const about = {
      pendingId: mail.pendingId,
      userId: mail.userId,
      email: link.purpose === 'change_email' ? mail.address : undefined,
    };
    const expiresAt = new Date(Date.now() + link.hours * 3_600_000);
    const stored = await addLinkToken(gate, { mailId: mail.id, hash, purpose: link.purpose, ...about, expiresAt });
    return stored ? `${publicUrl}${link.path}?token=${token}` : undefined;
  }

  async function giveBack(mail: TakenMail, error: unknown): Promise<void> {
    // Mail servers like to repeat the address; the log and the list of failures are not where it belongs.
    const reason =
      error instanceof Error
        ? error.message.replaceAll(/[^\s<>"']+@[^\s<>"',;]+/g, '(address)').slice(0, 500)
        : 'unknown';
    const most = error instanceof MailRefused ? patience.refusals : patience.attempts;
    if (mail.attempts >= most) {
      log.error({ mailId: mail.id, kind: mail.kind, attempts: mail.attempts, reason }, 'a mail was given up');
      await markMailFailed(gate, mail.id, reason);
      return;
    }
    const delayMs = Math.min(patience.firstDelayMs * 2 ** (mail.attempts - 1), patience.longestDelayMs);
    log.warn(
      { mailId: mail.id, kind: mail.kind, attempts: mail.attempts, delayMs, reason },
      'a mail was not sent; it will be tried again',
    );
    await delayMail(gate, mail.id, Math.ceil(delayMs * (0.75 + Math.random() / 2)), reason);
  }

  return {
    async sendOne(id) {
      for (const mail of await takeDueMail(gate, patience.leaseMs, 1, id)) await attempt(mail);
    },
    async sendDue() {
      const mails = await takeDueMail(gate, patience.leaseMs, BATCH);
      await Promise.all(mails.map(attempt));
      return mails.length;
    },
  };
}
