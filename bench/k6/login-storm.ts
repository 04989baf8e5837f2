/**
 * Far more log-ins than bcrypt allows, beside people who talk: log-ins are answered or refused with a retry hint, and
 * the sockets don't feel it.
 */
import { check } from 'k6';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import type { Options } from 'k6/options';
import chat, { setup } from './chat.ts';
import { oneEach, seats, seconds, setting, users } from './seats.ts';

const granted = new Counter('logins_granted');
const refused = new Counter('logins_refused');

export const options: Options = {
  scenarios: {
    chat: { ...oneEach(60), exec: 'talk' },
    logins: {
      executor: 'constant-arrival-rate',
      exec: 'login',
      rate: Number(setting('LOGINS', '50')),
      timeUnit: '1s',
      duration: `${seconds}s`,
      startTime: '5s',
      preAllocatedVUs: 50,
      maxVUs: 300,
    },
  },
  thresholds: {
    delivery_ms: ['p(95)<50', 'p(99)<150'],
    logins_granted: ['count>0'],
    faults: ['count==0'],
    checks: ['rate==1'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
};

export { setup };
export const talk = chat;

export function login(): void {
  const n = Math.floor(Math.random() * users);
  const body = { login: seats[n]?.username, password: setting('PASSWORD'), device: { name: 'k6' } };
  const answer = http.post(`${setting('HTTP')}/v1/auth/login`, JSON.stringify(body), {
    headers: { 'content-type': 'application/json' },
    timeout: '10s',
  });
  (answer.status === 200 ? granted : refused).add(1);
  check(answer, {
    'granted, or refused with a retry hint': () =>
      answer.status === 200 ||
      ((answer.status === 429 || answer.status === 503) && String(answer.body).includes('retryAfterMs')),
  });
}
