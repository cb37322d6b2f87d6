/** The container of a server of the user's own, which answers the requests of the endpoint (environment.server). */
import { ENV, OPERATOR_PATH, PORT, type OwnServer } from '@penstock/contract';
import type { Container } from 'kubernetes-types/core/v1.js';
import { CONTAINER } from '../api/containers.ts';
import type { RevisionRecord } from '../api/observed.ts';
import type { RenderConfig } from '../api/renderConfig.ts';
import type { Effective, InferencePipelineSpec, ServerOfImage } from '../api/types.gen.ts';
import { codeVariables, MODELS_MOUNT, TMP_MOUNT } from './codeContainer.ts';
import { RESTRICTED, withDisk } from './fetching.ts';

export interface ServerInput {
  spec: InferencePipelineSpec;
  server: ServerOfImage;
  record: RevisionRecord;
  modelDir: string;
  effective: Effective;
  config: RenderConfig;
}

/** Where the scorer finds the server. */
export const ownServer = ({ port, path = '/score', readinessPath = '/' }: ServerOfImage): OwnServer => ({
  port,
  path,
  readinessPath,
});

/**
 * The scorer asks it whether it is ready, so that it can listen on 127.0.0.1 only. It has no access to the endpoint's
 * keys.
 */
export function serverContainer({ spec, server, record, modelDir, effective, config }: ServerInput): Container {
  const { command, args } = server;
  return {
    name: CONTAINER.server,
    image: record.server!.image,
    imagePullPolicy: config.imagePullPolicy,
    ...(command && { command }),
    ...(args && { args }),
    env: codeVariables(spec, effective, { [ENV.modelDir]: modelDir }),
    resources: withDisk(effective, 0),
    // a server that hangs is restarted; the scorer knows whether it answers, and its image may be pulled after this one
    livenessProbe: {
      httpGet: { path: OPERATOR_PATH.server, port: PORT.operator },
      initialDelaySeconds: 120,
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
    // it serves on until the scorer has no request any more
    lifecycle: { preStop: { httpGet: { path: OPERATOR_PATH.drained, port: PORT.operator } } },
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [MODELS_MOUNT, TMP_MOUNT],
  };
}
