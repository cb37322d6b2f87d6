/** /swagger.json as Azure ML's server writes it: Swagger 2.0, OpenAPI 3.0 and 3.1 of the same paths. Pure. */
import type { ModelSignature, TensorSignature } from '@penstock/contract';

export interface Described {
  title: string;
  version: string;
  /** JSON Schemas of the request and response body of /score; undefined: any. */
  input?: object;
  output?: object;
}

const VERSIONS: Record<string, '2' | '3.0' | '3.1'> = { 2: '2', '2.0': '2', 3: '3.0', '3.0': '3.0', 3.1: '3.1' };

/** The document of a version; undefined for a version that does not exist. */
export function swagger(described: Described, version: string): object | undefined {
  const which = Object.hasOwn(VERSIONS, version) ? VERSIONS[version] : undefined;
  if (which === undefined) return undefined;
  const { title, version: own, input = {}, output = {} } = described;
  const info = { title, version: own, description: `API specification for the Penstock pipeline ${title}` };
  const error = { type: 'object', properties: { message: { type: 'string' } } };
  const schemas = { ServiceInput: input, ServiceOutput: output, ErrorResponse: error };
  return which === '2' ? swagger2(info, schemas) : openApi(info, schemas, which === '3.0' ? '3.0.3' : '3.1.0');
}

type Schemas = Record<'ServiceInput' | 'ServiceOutput' | 'ErrorResponse', object>;
const HEALTH = {
  operationId: 'ServiceHealthCheck',
  description: 'Simple health check endpoint to ensure the service is up at any given point.',
};
const SCORE = { operationId: 'RunMLService', description: "Run web service's model and get the prediction output" };

function swagger2(info: object, definitions: Schemas): object {
  const ref = (name: keyof Schemas): object => ({ $ref: `#/definitions/${name}` });
  const failure = {
    default: { description: 'The service failed to respond due to an error.', schema: ref('ErrorResponse') },
  };
  return {
    swagger: '2.0',
    info,
    schemes: ['http'],
    consumes: ['application/json'],
    produces: ['application/json'],
    securityDefinitions: {
      Bearer: { type: 'apiKey', name: 'Authorization', in: 'header', description: 'For example: Bearer abc123' },
    },
    paths: {
      '/': {
        get: {
          ...HEALTH,
          responses: {
            200: {
              description: "If service is up and running, this response will be returned with the content 'Healthy'",
              schema: { type: 'string' },
            },
            ...failure,
          },
        },
      },
      '/score': {
        post: {
          ...SCORE,
          security: [{ Bearer: [] }],
          parameters: [
            {
              name: 'serviceInputPayload',
              in: 'body',
              description: 'The input payload for executing the real-time machine learning service.',
              schema: ref('ServiceInput'),
            },
          ],
          responses: {
            200: {
              description: 'The service processed the input correctly and provided a result prediction.',
              schema: ref('ServiceOutput'),
            },
            ...failure,
          },
        },
      },
    },
    definitions,
  };
}

function openApi(info: object, schemas: Schemas, openapi: string): object {
  const content = (name: keyof Schemas): object => ({
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
  });
  const failure = {
    default: { description: 'The service failed to respond due to an error.', ...content('ErrorResponse') },
  };
  return {
    openapi,
    info,
    servers: [{ url: '/' }],
    paths: {
      '/': {
        get: {
          ...HEALTH,
          responses: {
            200: {
              description: "If service is up and running, this response will be returned with the content 'Healthy'",
              content: { 'text/plain': { schema: { type: 'string' } } },
            },
            ...failure,
          },
        },
      },
      '/score': {
        post: {
          ...SCORE,
          security: [{ Bearer: [] }],
          requestBody: {
            description: 'The input payload for executing the real-time machine learning service.',
            required: true,
            ...content('ServiceInput'),
          },
          responses: {
            200: {
              description: 'The service processed the input correctly and provided a result prediction.',
              ...content('ServiceOutput'),
            },
            ...failure,
          },
        },
      },
    },
    components: { schemas, securitySchemes: { Bearer: { type: 'http', scheme: 'bearer' } } },
  };
}

/** The schemas of /score for a model that is served without code. */
export function schemasOf({ inputs, outputs }: ModelSignature): Pick<Described, 'input' | 'output'> {
  const rows = ({ datatype, shape }: TensorSignature): object =>
    shape.reduceRight<object>((items) => ({ type: 'array', items }), {
      type: jsonType(datatype),
    });
  const object = (tensors: TensorSignature[], name = (tensor: TensorSignature): string => tensor.name): object => ({
    type: 'object',
    required: tensors.map(name),
    properties: Object.fromEntries(tensors.map((tensor) => [name(tensor), rows(tensor)])),
  });
  return { input: inputs.length === 1 ? object(inputs, () => 'data') : object(inputs), output: object(outputs) };
}

function jsonType(datatype: string): string {
  if (datatype === 'BYTES') return 'string';
  if (datatype === 'BOOL') return 'boolean';
  return datatype.startsWith('FP') ? 'number' : 'integer';
}
