package dev.penstock.local;

/**
 * Counters since the start.
 *
 * @param known         answers that there is such a recipient
 * @param unknown       refusals
 * @param undecided     answers while it couldn't be told
 * @param asked         call-aheads
 * @param askedInVain   call-aheads without an answer
 * @param fileReads     recipients files read, again or for the first time
 * @param fileFailures  recipients files that couldn't be
 * @param remembered    answers of stores in memory now
 * @param listed        recipients that the files name now
 */
public record LocalStats(long known, long unknown, long undecided, long asked, long askedInVain, long fileReads,
        long fileFailures, long remembered, long listed) {}
