import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';

export interface Mail {
  /** The same each time the mail is tried, so that a double is recognised as one. */
  readonly id: string;
  readonly createdAt: Date;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** This mail was refused for good; trying it again soon won't help. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}

export interface MailTransport {
  /** Settles once the other side has taken the mail. */
  send(mail: Mail): Promise<void>;
  /** False if the last attempt to reach the mail server failed. */
  readonly reachable: boolean;
  close(): void;
}

/** Over SMTP, on a few connections that are kept open. Every wait is bounded by less than the lease of a mail. */
export function smtpTransport(url: string, from: string): MailTransport {
  const limits = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000, dnsTimeout: 5_000 };
  const smtp = createTransport({ url, pool: true, maxConnections: 3, maxMessages: 100, ...limits });
  let reachable = true;
  return {
    get reachable() {
      return reachable;
    },
    async send(mail) {
      try {
        await smtp.sendMail(message(mail, from));
        reachable = true;
      } catch (error) {
        const refused = refusalOf(error);
        // A login or a sender that is not accepted is the operator's to mend, and no mail's fault.
        reachable = refused !== undefined;
        if (refused !== undefined && refused >= 500) throw new MailRefused(`the mail server answered ${refused}`);
        throw error;
      }
    },
    close: () => smtp.close(),
  };
}

/** What the mail server answered, if it was about this mail: about whom it is for, or what it says. */
function refusalOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('responseCode' in error) || typeof error.responseCode !== 'number')
    return undefined;
  const { code, command } = error as { code?: unknown; command?: unknown };
  return code === 'EMESSAGE' || (code === 'EENVELOPE' && command === 'RCPT TO') ? error.responseCode : undefined;
}

/** Without a mail server: each mail is a file `<folder>/<time>-<id>.eml`, complete as soon as it is seen. */
export function fileTransport(folder: string, from: string): MailTransport {
  return {
    reachable: true,
    async send(mail) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, `${mail.createdAt.toISOString().replaceAll(/[-:]/g, '')}-${mail.id}.eml`);
      await writeFile(`${path}.part`, readable(mail, from), { mode: 0o600 });
      await rename(`${path}.part`, path);
    },
    close() {},
  };
}

/** Written here, since the library would encode and wrap the links, which people copy from these files. */
function readable(mail: Mail, from: string): string {
  const boundary = `mail-${mail.id}`;
  const part = (type: string, content: string): string[] => [
    `--${boundary}`,
    `Content-Type: ${type}; charset=utf-8`,
    'Content-Transfer-Encoding: 8bit',
    '',
    content,
  ];
  const head = [
    `From: ${from}`,
    `To: ${mail.to}`,
    `Subject: ${mail.subject}`,
    `Message-ID: ${messageId(mail, from)}`,
    `Date: ${new Date().toUTCString()}`,
  ];
  const type = ['MIME-Version: 1.0', `Content-Type: multipart/alternative; boundary="${boundary}"`, ''];
  return [
    ...head,
    ...type,
    ...part('text/plain', mail.text),
    ...part('text/html', mail.html),
    `--${boundary}--`,
    '',
  ].join('\r\n');
}

function message(mail: Mail, from: string) {
  const { id: _, createdAt: __, ...rest } = mail;
  return {
    ...rest,
    from,
    messageId: messageId(mail, from),
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function messageId(mail: Mail, from: string): string {
  return `<${mail.id}@${/@([\w.-]+)/.exec(from)?.[1] ?? 'localhost'}>`;
}
