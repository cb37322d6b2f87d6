/** The phases of a scorer. */
import { expect } from 'chai';
import { setImmediate as turn } from 'node:timers/promises';
import { Lifecycle } from '../../../scorer-image/init/lifecycle.ts';

describe('the phases of a scorer', () => {
  it('are Loading, Ready, Draining', () => {
    const lifecycle = new Lifecycle();
    expect([lifecycle.phase, lifecycle.started]).to.deep.equal(['Loading', false]);
    expect([lifecycle.to('Ready'), lifecycle.started]).to.deep.equal([true, true]);
    expect([lifecycle.to('Draining'), lifecycle.started]).to.deep.equal([true, true]);
    expect([lifecycle.to('Ready'), lifecycle.phase]).to.deep.equal([false, 'Draining']);
  });

  it('end with Failed, which nothing changes', () => {
    const lifecycle = new Lifecycle();
    expect([lifecycle.to('Failed'), lifecycle.started]).to.deep.equal([true, false]);
    for (const phase of ['Loading', 'Ready', 'Draining', 'Drained', 'Failed'] as const)
      expect(lifecycle.to(phase), phase).to.equal(false);
  });

  it('loading has ended when init() has succeeded, or failed, or the pod is stopped', async () => {
    for (const phase of ['Ready', 'Failed', 'Draining'] as const) {
      const lifecycle = new Lifecycle();
      let loaded = false;
      void lifecycle.loaded.then(() => (loaded = true));
      await turn();
      expect(loaded).to.equal(false);
      lifecycle.to(phase);
      await turn();
      expect(loaded, phase).to.equal(true);
    }
  });

  it('the drain has ended when it is Drained or Failed, from whatever phase', async () => {
    for (const phases of [['Drained'], ['Ready', 'Drained'], ['Ready', 'Draining', 'Drained'], ['Failed']] as const) {
      const lifecycle = new Lifecycle();
      let drained = false;
      void lifecycle.drained.then(() => (drained = true));
      for (const phase of phases) {
        await turn();
        expect(drained, `before ${phase}`).to.equal(false);
        expect(lifecycle.to(phase)).to.equal(true);
      }
      await turn();
      expect(drained, phases.join()).to.equal(true);
    }
  });

  it('keep the first warning', () => {
    const lifecycle = new Lifecycle();
    lifecycle.warn('one');
    lifecycle.warn('two');
    expect(lifecycle.warning).to.equal('one');
  });
});
