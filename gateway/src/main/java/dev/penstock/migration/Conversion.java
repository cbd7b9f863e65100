package dev.penstock.migration;

import java.util.List;

import dev.penstock.config.Problem;

/** What an import gave. */
public sealed interface Conversion {
    /**
     * Three texts in TOML. One without a table is empty, but for the first, which says in a comment that nothing is limited.
     *
     * @param shaping a shaping file
     * @param tables  tables for the configuration file
     * @param rules   a classification file
     * @param report  every key, in the order of the files
     */
    record Done(String shaping, String tables, String rules, List<Finding> report) implements Conversion {
        public Done {
            report = List.copyOf(report);
        }
    }

    /** @param problems all of them, at least one, file by file */
    record Refused(List<Problem> problems) implements Conversion {
        public Refused {
            problems = List.copyOf(problems);
        }
    }
}
