import { readFileSync } from 'node:fs';
import https from 'node:https';
https
  .createServer({ key: readFileSync('/tls/tls.key'), cert: readFileSync('/tls/tls.crt') }, (request, response) => {
    if (request.headers.authorization !== 'Bearer open-sesame') return void response.writeHead(403).end('forbidden');
    if (request.url === '/moved/iris.onnx')
      return void response.writeHead(302, { location: '/models/iris.onnx' }).end();
    if (request.url === '/models/iris.onnx') return void response.end(readFileSync('/models/iris.onnx'));
    response.writeHead(404).end();
  })
  .listen(8443);
process.on('SIGTERM', () => process.exit(0));
