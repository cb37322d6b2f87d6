/** Three operators, and leaders that die in each of three ways; fifty of them by `npm run test:leaders`. */
import { expect } from 'chai';
import { killLeaders, mixed, type KillReport } from '../../property/fault-injection/leaders.ts';
import { startStage, type Stage } from '../../support/control-plane/stage.ts';

describe('leaders that are killed, stopped and frozen while a user edits', function () {
  this.timeout(180_000);
  let stage: Stage;
  let report: KillReport;
  before(async () => {
    stage = await startStage();
    report = await killLeaders(stage, 'leaders', mixed(3));
  });
  after(() => stage.stop());

  it('are each followed', () =>
    expect(report.kills.map(({ how }) => how)).to.deep.equal(['SIGTERM', 'SIGKILL', 'SIGSTOP']));
  it('write nothing once another leads', () => expect(report.deposedWrites).to.deep.equal([]));
  it('a concurrent edit of the user is not lost', () => expect(report.converged).to.be.true);
});
