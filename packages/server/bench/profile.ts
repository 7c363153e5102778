import { readCpuProfile, profileText } from './support/cpu-profile.ts';
import { readOptions } from './support/options.ts';

const ABOUT = `npm run bench -- profile --file FILE.cpuprofile

Where the time of a profiled process goes, by file, package and function. \`--cpu-prof FOLDER\` of the other benchmarks
writes such files; so does \`node --cpu-prof\`.`;

export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args, ABOUT, {
    file: { default: '', text: 'the profile' },
    rows: { default: 40, text: 'lines of each list' },
  });
  if (options === null) return;
  console.log(profileText(await readCpuProfile(options.file), { places: options.rows, functions: options.rows }));
}
