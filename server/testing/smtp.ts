import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  readonly to: string;
  readonly content: string;
}

/** A real mail server that keeps what it gets. */
export interface TestSmtp extends AsyncDisposable {
  readonly url: string;
  /** Waits until so many have come. */
  received(atLeast: number): Promise<readonly ReceivedMail[]>;
  count(): number;
  /** Again on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface SmtpOptions {
  /** An address that it doesn't know. */
  readonly refuse?: string;
  /** Awaited before a client is greeted. */
  readonly greet?: () => Promise<void>;
  /** Awaited after a mail has come and before its client is told so. */
  readonly accept?: () => Promise<void>;
}

export async function startSmtp(options: SmtpOptions = {}): Promise<TestSmtp> {
  const mails: ReceivedMail[] = [];
  let waiting: (() => void)[] = [];
  let port = 0;
  let server: SMTPServer | undefined;

  const make = (): SMTPServer =>
    new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      closeTimeout: 100,
      onConnect(_session, callback) {
        void (options.greet?.() ?? Promise.resolve()).then(() => callback());
      },
      onRcptTo({ address }, _session, callback) {
        if (address === options.refuse) callback(Object.assign(new Error('no such person'), { responseCode: 550 }));
        else callback();
      },
      onData(stream, session, callback) {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          mails.push({
            to: session.envelope.rcptTo[0]?.address ?? '',
            content: Buffer.concat(chunks).toString('utf8'),
          });
          for (const look of waiting) look();
          void (options.accept?.() ?? Promise.resolve()).then(() => callback());
        });
      },
    });

  const self: TestSmtp = {
    get url() {
      return `smtp://127.0.0.1:${port}`;
    },
    count: () => mails.length,
    received: (atLeast) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (mails.length < atLeast) return;
          waiting = waiting.filter((other) => other !== look);
          resolve(mails);
        };
        waiting.push(look);
        look();
      }),
    start: () =>
      new Promise((resolve, reject) => {
        const starting = make();
        // Clients that are cut off are part of these tests.
        starting.on('error', (error: Error & { code?: string }) => {
          if (error.code === 'EADDRINUSE') reject(error);
        });
        starting.listen(port, '127.0.0.1', () => {
          const address = starting.server.address();
          if (typeof address === 'object' && address !== null) port = address.port;
          server = starting;
          resolve();
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        if (server === undefined) return resolve();
        server.close(() => resolve());
        server = undefined;
      }),
    [Symbol.asyncDispose]: () => self.stop(),
  };
  await self.start();
  return self;
}
