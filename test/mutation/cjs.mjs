// Stryker's mocha runner requires mocha's files without their extension, which is .cjs since mocha 12.
import Module from 'node:module';

Module._extensions['.cjs'] ??= Module._extensions['.js'];
