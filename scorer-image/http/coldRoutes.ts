/** Routes nobody is in a hurry for: health, metadata, OPTIONS, and what does not exist. */
import express, { type ErrorRequestHandler, type Express, type Request } from 'express';
import type { UserServerDeps } from './userServer.ts';

const SERVER = 'penstock';
type ModelPath = { model: string; version?: string };

/** An express app for all paths but the hot ones. Errors are JSON, in the dialect of the path. */
export function coldRoutes({ config, pool, lifecycle }: Pick<UserServerDeps, 'config' | 'pool' | 'lifecycle'>): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.get('/', (_, response) => void response.type('text').send('Healthy'));
  app.options('/score', (_, response) => void response.status(200).end());
  app.get('/v2/health/live', (_, response) => void response.json({ live: true }));
  app.get('/v2/health/ready', (_, response) => void response.status(lifecycle.phase === 'Ready' ? 200 : 503).json({ live: true, ready: lifecycle.phase === 'Ready' }));
  app.get('/v2', (_, response) => void response.json({ name: SERVER, version: config.revision, extensions: [] }));
  app.get(['/v2/models/:model', '/v2/models/:model/versions/:version'], (request: Request<ModelPath>, response) => {
    const model = find(request.params);
    const signature = pool.signatures[request.params.model];
    if (!model) return void response.status(404).json({ error: `there is no model ${request.params.model} here` });
    response.json({ name: model.name, versions: [model.version], platform: model.format === 'ONNX' ? 'onnx_onnxv1' : 'script', inputs: signature?.inputs ?? [], outputs: signature?.outputs ?? [] });
  });
  app.get(['/v2/models/:model/ready', '/v2/models/:model/versions/:version/ready'], (request: Request<ModelPath>, response) => {
    const model = find(request.params);
    if (!model) return void response.status(404).json({ error: `there is no model ${request.params.model} here` });
    response.status(lifecycle.phase === 'Ready' ? 200 : 503).json({ name: model.name, ready: lifecycle.phase === 'Ready' });
  });
  app.use((request, response) => {
    const text = `${request.method} ${request.path} does not exist; try POST /score`;
    response.status(404).json(request.path.startsWith('/v2') ? { error: text } : { message: text });
  });
  // express knows an error handler by its four parameters
   
  const asJson: ErrorRequestHandler = (error: { status?: number }, _request, response, _next) => void response.status(error.status ?? 500).json({ message: 'The request could not be read' });
  app.use(asJson);
  return app;

  function find({ model, version }: ModelPath): (typeof config.models)[number] | undefined {
    return config.models.find(({ name, version: own }) => name === model && (version === undefined || version === own));
  }
}
