/** Label selectors as the HorizontalPodAutoscaler sends them: equality and existence, joined by commas. */

const PART = /^(!?)([A-Za-z0-9./_-]+)\s*(?:(==|=|!=)\s*([A-Za-z0-9._-]*))?$/;

/** Returns the test for labels. Throws for other operators (`in`, `notin`). */
export function labelSelector(text: string): (labels: Record<string, string>) => boolean {
  const tests = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => {
      const match = PART.exec(part);
      if (!match || (match[1] === '!' && match[3] !== undefined))
        throw new Error(`labelSelector: cannot read ${JSON.stringify(part)}: write key=value, key!=value, key or !key`);
      const [, not, key = '', operator, value = ''] = match;
      if (operator === undefined)
        return (labels: Record<string, string>) => (labels[key] !== undefined) === (not === '');
      return (labels: Record<string, string>) => (labels[key] === value) === (operator !== '!=');
    });
  return (labels) => tests.every((test) => test(labels));
}
