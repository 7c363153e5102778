export { createJobs, type JobAttempt, type JobHandler, type Jobs } from './jobs.ts';
