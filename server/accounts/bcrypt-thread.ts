import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import bcrypt from 'bcrypt';

/** What the thread is asked: to make a hash, or to compare with one. */
export type Task =
  | { readonly password: string; readonly cost: number }
  | { readonly password: string; readonly hash: string };

// Linux gives each thread its own priority, and 0 names the calling one: whoever hashes yields to whoever sends. The
// pool of libuv, where bcrypt would run otherwise, has the priority of the sockets. It weighs a third
// of them, so that people can still log in while the sockets are busy. Elsewhere nothing is lost.
try {
  if (process.platform === 'linux') setPriority(0, 5);
} catch {
  // A container may forbid it.
}

parentPort?.on('message', (task: Task) => {
  parentPort?.postMessage(
    'hash' in task ? bcrypt.compareSync(task.password, task.hash) : bcrypt.hashSync(task.password, task.cost),
  );
});
