/** The routes besides scoring: health, metadata, OPTIONS, and 404. */
import { VERSION, type TensorSignature } from '@penstock/contract';
import { errorBody } from '@penstock/server/errorBody';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { rejection, type Rejection } from '../rejections.ts';
import { servedModel } from './servedModel.ts';
import { schemasOf, swagger } from './swagger.ts';
import type { InferenceServerDeps } from './deps.ts';

const SERVER = 'penstock';
type ModelPath = { model: string; version?: string };

/** A swagger file beside the script takes precedence over the generated document, as in Azure ML. */
async function swaggerRoute(
  request: Request,
  response: Response,
  { config, dispatcher }: Pick<InferenceServerDeps, 'config' | 'dispatcher'>,
): Promise<void> {
  const { query } = request;
  const version = typeof query.version === 'string' ? query.version : '2';
  const names = [`swagger${version.slice(0, 1)}.json`, ...(version.startsWith('2') ? ['swagger.json'] : [])];
  for (const name of config.script === undefined || !/^[23](\.[01])?$/.test(version) ? [] : names) {
    const own = await readFile(join(dirname(config.script!), name), 'utf8').catch(() => undefined);
    if (own !== undefined) return void response.type('json').send(own);
  }
  const signature = Object.values(dispatcher.signatures)[0];
  const document = swagger(
    {
      title: config.pipeline,
      version: config.revision,
      ...(signature ? schemasOf(signature) : dispatcher.script.schemas),
    },
    version,
  );
  if (document) response.json(document);
  else reject(request, response, rejection('noSuchSwagger', { version: version.slice(0, 20) }));
}

/** Sends an error in the form of the protocol of the path. */
const reject = ({ path }: Pick<Request, 'path'>, response: Response, { status, message }: Rejection): void =>
  void response.status(status).type('json').send(errorBody(path, message));

/** Names of features and classes go into parameters, because the protocol defines name, datatype and shape only. */
const metadata = ({ name, datatype, shape, ...parameters }: TensorSignature): object => ({
  name,
  datatype,
  shape,
  ...(Object.keys(parameters).length > 0 && { parameters }),
});

/** The express app. Errors are JSON in the form of the path's protocol. */
export function metadataRoutes({
  config,
  dispatcher,
  lifecycle,
}: Pick<InferenceServerDeps, 'config' | 'dispatcher' | 'lifecycle'>): Express {
  const isReady = (): boolean => lifecycle.phase === 'Ready' && dispatcher.canServe;
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.get('/', (_, response) => void response.type('text').send('Healthy'));
  app.options('/score', (_, response) => void response.status(200).end());
  app.get('/swagger.json', (request, response) => swaggerRoute(request, response, { config, dispatcher }));
  // for SageMaker and MLflow clients
  app.get('/ping', (_, response) => void response.status(isReady() ? 200 : 503).json({ ready: isReady() }));
  app.get('/v2/health/live', (_, response) => void response.json({ live: true }));
  app.get(
    '/v2/health/ready',
    (_, response) => void response.status(isReady() ? 200 : 503).json({ live: true, ready: isReady() }),
  );
  app.get(
    ['/v2', '/v2/'],
    (_, response) => void response.json({ name: SERVER, version: VERSION, extensions: ['binary_tensor_data'] }),
  );
  app.get(['/v2/models/:model', '/v2/models/:model/versions/:version'], (request: Request<ModelPath>, response) => {
    const model = servedModel(config, request.params.model, request.params.version);
    const signature = dispatcher.signatures[request.params.model];
    if (!model) return reject(request, response, rejection('noSuchModel', request.params));
    response.json({
      name: model.name,
      versions: [model.version],
      platform: model.format === 'ONNX' ? 'onnx_onnxv1' : 'script',
      inputs: (signature?.inputs ?? []).map(metadata),
      outputs: (signature?.outputs ?? []).map(metadata),
    });
  });
  app.get(
    ['/v2/models/:model/ready', '/v2/models/:model/versions/:version/ready'],
    (request: Request<ModelPath>, response) => {
      const model = servedModel(config, request.params.model, request.params.version);
      if (!model) return reject(request, response, rejection('noSuchModel', request.params));
      response.status(isReady() ? 200 : 503).json({ name: model.name, ready: isReady() });
    },
  );
  app.use((request, response) =>
    reject(request, response, rejection('noSuchPath', { method: request.method, path: request.path })),
  );
  // express recognizes an error handler by its four parameters.
  const asJson: ErrorRequestHandler = (error: { status?: number }, _request, response, _next) =>
    void response.status(error.status ?? 500).json({ message: 'The request could not be read' });
  app.use(asJson);
  return app;
}
