// Logs in many times at once from a process of its own, so that the one that measures has its time for itself:
//   node login-storm.js <address> <username> <password> <how often>
// Prints one line of JSON: how often each status came, what was wrong with refusals, and how long the slowest took.
const [address = '', login = '', password = '', count = '0'] = process.argv.slice(2);

const statuses: Record<string, number> = {};
const faults: string[] = [];
let slowestMs = 0;

async function once(): Promise<void> {
  const began = performance.now();
  try {
    const response = await fetch(`${address}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ login, password, device: { name: 'storm' } }),
      signal: AbortSignal.timeout(60_000),
    });
    const answer = (await response.json()) as { error?: { code: string; retryAfterMs?: number } };
    const what = response.status === 200 ? 'granted' : (answer.error?.code ?? `status ${response.status}`);
    statuses[what] = (statuses[what] ?? 0) + 1;
    const { error } = answer;
    if (error === undefined) return;
    if (!['rate_limited', 'unavailable'].includes(error.code) || !((error.retryAfterMs ?? 0) > 0))
      faults.push(JSON.stringify(error));
  } catch (error) {
    faults.push(String(error));
  } finally {
    slowestMs = Math.max(slowestMs, performance.now() - began);
  }
}

await Promise.all(Array.from({ length: Number(count) }, once));
process.stdout.write(`${JSON.stringify({ statuses, faults: faults.slice(0, 5), slowestMs: Math.round(slowestMs) })}\n`);
