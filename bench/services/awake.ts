import { openSync, writeSync } from 'node:fs';

/**
 * Keeps idle cores from sleeping until the process ends, as latency is measured elsewhere, too (`cyclictest`,
 * `tuned-adm profile latency-performance`): the kernel holds to the request for as long as the file is open
 * (Documentation/power/pm_qos_interface.rst). On a virtual machine a core that sleeps is given away, and waking it takes
 * as long as its host likes: at half load most of the tail is that. False where it isn't allowed (it takes root) or
 * unknown, and cores sleep as they do.
 */
export function keepAwake(device = '/dev/cpu_dma_latency'): boolean {
  try {
    // 0 microseconds, as a 32-bit integer. Never closed: the end of the process does that.
    return writeSync(openSync(device, 'r+'), Buffer.alloc(4)) === 4;
  } catch {
    return false;
  }
}
