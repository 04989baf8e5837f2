import * as v from 'valibot';
import { escapeHtml } from '../html.ts';
import type { LinkPurpose } from '../store/accounts.ts';
import type { MailKind } from '../store/mail.ts';

/** What goes into a mail beside its kind; texts that people chose are escaped where they become HTML. */
export interface MailFacts {
  readonly username: string;
  readonly link: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
}

interface MailForm {
  readonly subject: string;
  /** Paragraphs; `LINK` stands alone where the link goes. */
  readonly lines: (facts: MailFacts) => readonly string[];
  /** Which link it carries, and for how long that is good. */
  readonly link?: { readonly purpose: LinkPurpose; readonly path: string; readonly hours: number };
}

const LINK = 'LINK';
const wasNotMe = 'If that was not you, reset your password now; this ends every session.';

export const mailForms = {
  verify_email: {
    subject: 'Confirm your address',
    lines: ({ username }) => [
      `Someone registered the account "${username}" with this address. To confirm it, open this page within a day:`,
      LINK,
      'If that was not you, do nothing: without a confirmation there will be no account.',
    ],
    link: { purpose: 'verify_registration', path: '/v1/auth/verify-email', hours: 24 },
  },
  address_known: {
    subject: 'You have an account already',
    lines: ({ username }) => [
      `Someone tried to register with this address, which belongs to your account "${username}". Nothing was changed.`,
      'If that was you: log in with your account, or reset its password if you have forgotten it.',
    ],
  },
  reset_password: {
    subject: 'Reset your password',
    lines: ({ username }) => [
      `Someone asked for a new password for your account "${username}". To choose one, open this page within an hour:`,
      LINK,
      'If that was not you, do nothing: your password stays as it is.',
    ],
    link: { purpose: 'reset_password', path: '/v1/auth/reset-password', hours: 1 },
  },
  change_email: {
    subject: 'Confirm your new address',
    lines: ({ username }) => [
      `The account "${username}" is to use this address from now on. To confirm it, open this page within a day:`,
      LINK,
    ],
    link: { purpose: 'change_email', path: '/v1/auth/verify-email', hours: 24 },
  },
  email_changed: {
    subject: 'Your address was changed',
    lines: ({ username, parameters }) => [
      `The account "${username}" uses the address ${parameters.email ?? ''} from now on, and not this one.`,
      'If that was not you, tell the people who run this server.',
    ],
  },
  new_device: {
    subject: 'A new device has logged in',
    lines: ({ username, parameters }) => [
      `The device "${parameters.device ?? ''}" has logged in to your account "${username}".`,
      wasNotMe,
    ],
  },
  token_reuse: {
    subject: 'A session was ended for safety',
    lines: ({ username, parameters }) => [
      `An old key of the device "${parameters.device ?? ''}" was used again for your account "${username}", so someone may have copied it. Its session was ended; log in again there.`,
      'If this happens again, reset your password.',
    ],
  },
  password_changed: {
    subject: 'Your password was changed',
    lines: ({ username }) => [
      `The password of your account "${username}" was changed, and all other sessions were ended.`,
      wasNotMe,
    ],
  },
} as const satisfies Record<MailKind, MailForm>;

const parametersSchema = v.record(v.string(), v.string());

export function mailForm(kind: string): MailForm | undefined {
  return Object.hasOwn(mailForms, kind) ? mailForms[kind as MailKind] : undefined;
}

export function readParameters(parameters: unknown): Record<string, string> {
  return v.parse(parametersSchema, parameters);
}

export function renderMail(form: MailForm, facts: MailFacts): { subject: string; text: string; html: string } {
  const lines = form.lines(facts);
  const { link = '' } = facts;
  const paragraph = (line: string): string =>
    line === LINK ? `<a href="${escapeHtml(link)}">${escapeHtml(link)}</a>` : escapeHtml(line);
  return {
    subject: form.subject,
    text: `${lines.map((line) => (line === LINK ? link : line)).join('\n\n')}\n`,
    html: `<!doctype html><html lang="en"><body>${lines.map((line) => `<p>${paragraph(line)}</p>`).join('')}</body></html>`,
  };
}
