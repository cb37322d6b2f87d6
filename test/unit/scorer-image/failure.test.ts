/** Why a scorer cannot start, and its termination message. */
import { FAILURE, TERMINATION_MESSAGE_BYTES } from '@penstock/contract';
import { expect } from 'chai';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asFailure, StartFailure, writeTermination } from '../../../scorer-image/failure.ts';

describe('the failure of a start', () => {
  it('is itself where it has a reason', () => {
    const failure = new StartFailure(FAILURE.initFailed, 'boom', 'at init');
    expect(asFailure(failure, FAILURE.environment)).to.equal(failure);
  });

  it('has the message and the stack of another error', () => {
    const error = new Error('no file');
    expect(asFailure(error)).to.include({ reason: 'ResourceNotReady', message: 'no file', detail: error.stack });
    expect(asFailure(error, FAILURE.environment)).to.include({ reason: 'EnvironmentInstallFailed' });
  });

  it('has the text of a value that is no error', () => {
    expect(asFailure('text')).to.be.instanceOf(StartFailure).and.include({ message: 'text' });
    const withoutStack = Object.assign(new Error('bare'), { stack: undefined });
    expect(asFailure(withoutStack)).to.include({ message: 'bare', detail: '' });
  });

  describe('in the termination log', () => {
    const written = (failure: StartFailure): string => {
      const file = join(mkdtempSync(join(tmpdir(), 'penstock-termination-')), 'log');
      writeTermination(failure, file);
      return readFileSync(file, 'utf8');
    };

    it('is one line, and the detail below it', () =>
      expect(written(new StartFailure(FAILURE.initFailed, 'first\n  second', 'at init\nat main'))).to.equal(
        'UserScriptInitFailed: first second\nat init\nat main',
      ));

    it('is cut to what the kubelet keeps', () =>
      expect(written(new StartFailure(FAILURE.initFailed, 'x', 'y'.repeat(10_000)))).to.have.length(
        TERMINATION_MESSAGE_BYTES,
      ));

    it('is left out where there is no such file', () =>
      writeTermination(new StartFailure(FAILURE.initFailed, 'x'), '/nowhere/termination-log'));
  });
});
