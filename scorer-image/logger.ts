/** The log of this process. */
import { jsonLogger } from '@penstock/server/logger';

export const logger = jsonLogger('info');
