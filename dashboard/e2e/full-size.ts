/** TICKETS_TEST_FULL_SIZE=1: as long and as much as what it stands for, see tests/full_size.py. */
export const FULL_SIZE = Boolean(process.env["TICKETS_TEST_FULL_SIZE"]);
