package dev.penstock.config;

import java.nio.file.Path;
import java.util.List;

/**
 * What classification files say. Immutable.
 *
 * @param files in the order in which they are asked
 * @param rules of all of them, in that order
 */
public record ReplyRules(List<Path> files, List<ReplyRule> rules) {
    public static final ReplyRules NONE = new ReplyRules(List.of(), List.of());

    public ReplyRules {
        files = List.copyOf(files);
        rules = List.copyOf(rules);
    }

    /** The rules that come with Penstock, asked after all others. */
    public static ReplyRules shipped() {
        return Shipped.RULES;
    }

    /** Read once, when somebody asks. */
    private static final class Shipped {
        static final ReplyRules RULES = ReplyRulesReader.shipped();
    }
}
