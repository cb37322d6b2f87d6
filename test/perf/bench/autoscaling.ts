/** The curves, and what is to be said of a run of them. */

/** A request waits for so long, and a pod should have so many under way. */
export const SERVICE_MS = 200;
export const TARGET = 1;

export interface Second {
  sent: number;
  ok: number;
}
export type Course = (Second & { ready: number; desired: number })[];

export interface Curve {
  says: string;
  /** [second, requests a second], in straight lines. */
  points: [number, number][];
  /** Second at which load jumps up, if it does, and does not fall again before it was followed. */
  step?: number;
  /** Load does not change from then on. */
  steadyFrom?: number;
}

export const CURVES: Record<string, Curve> = {
  step: {
    says: '2 to 18 requests a second at once',
    points: [
      [0, 2],
      [30, 2],
      [30.1, 18],
      [150, 18],
    ],
    step: 30,
    steadyFrom: 90,
  },
  ramp: {
    says: '2 to 28 requests a second in two minutes',
    points: [
      [0, 2],
      [20, 2],
      [140, 28],
      [180, 28],
    ],
  },
  square: {
    says: '4 and 22 requests a second, a minute and a half each',
    points: [
      [0, 4],
      [30, 4],
      [30.1, 22],
      [120, 22],
      [120.1, 4],
      [210, 4],
      [210.1, 22],
      [300, 22],
      [300.1, 4],
      [330, 4],
    ],
    step: 30,
  },
  spike: {
    says: 'ten seconds of 40 requests a second',
    points: [
      [0, 2],
      [30, 2],
      [30.1, 40],
      [40, 40],
      [40.1, 2],
      [160, 2],
    ],
  },
  steady: {
    says: 'eleven minutes of 12 requests a second',
    points: [
      [0, 12],
      [660, 12],
    ],
    steadyFrom: 60,
  },
};

export interface Judgement {
  /** Pods that would carry what each second is meant to bring, at the target. */
  ideal: number[];
  firstPodS?: number;
  /** From the step on: when it was within one of the ideal, and stayed so while load did. */
  steadyS?: number;
  overshoot: number;
  /** How often the wish changed while load was steady. */
  changes?: number;
}

/** Requests a second that the curve wants. */
function rateAt(points: [number, number][], at: number): number {
  const i = Math.max(
    1,
    points.findIndex(([second]) => second > at),
  );
  const [[s0, r0], [s1, r1]] = [points[i - 1]!, points[i]!];
  return r0 + ((r1 - r0) * (at - s0)) / (s1 - s0);
}

export function judge(course: Course, { points, step, steadyFrom }: Curve): Judgement {
  const ideal = course.map((_, second) =>
    Math.max(1, Math.ceil((rateAt(points, second + 0.5) * SERVICE_MS) / 1000 / TARGET)),
  );
  const overshoot = Math.max(
    0,
    ...course.map(({ desired }, i) => desired - Math.max(...ideal.slice(Math.max(0, i - 75), i + 1))),
  ); // what was ideal a minute ago may stay that long
  const changes =
    steadyFrom === undefined
      ? undefined
      : course.slice(steadyFrom).filter(({ desired }, i, all) => i > 0 && desired !== all[i - 1]!.desired).length;
  if (step === undefined) return { ideal, overshoot, ...(changes !== undefined && { changes }) };
  const calm = points.find(([second]) => second > step + 1)![0]; // load stays until then
  const before = course[step]!.ready;
  const firstPod = course.findIndex(({ ready }, i) => i > step && ready > before);
  const off = course.slice(step, calm).findLastIndex(({ ready }, i) => Math.abs(ready - ideal[step + i]!) > 1);
  return {
    ideal,
    overshoot,
    ...(firstPod > 0 && { firstPodS: firstPod - step }),
    steadyS: off + 1,
    ...(changes !== undefined && { changes }),
  };
}
