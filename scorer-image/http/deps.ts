/** What the handlers of port 8080 need. */
import type { InProgress } from '@penstock/server/inProgress';
import type { Logger } from '@penstock/server/logger';
import type { ScorerConfig } from '../config.ts';
import type { Lifecycle } from '../init/lifecycle.ts';
import type { Demand } from '../metrics/demand.ts';
import type { ScorerMetrics } from '../metrics/metrics.ts';
import type { Dispatcher } from '../run/dispatcher.ts';
import type { TrafficTable } from './trafficTable.ts';

export interface InferenceServerDeps {
  config: ScorerConfig;
  dispatcher: Dispatcher;
  lifecycle: Lifecycle;
  traffic: TrafficTable;
  metrics: ScorerMetrics;
  demand: Demand;
  logger: Logger;
  /** Scoring requests whose response is not completely sent. */
  responses: InProgress;
}
