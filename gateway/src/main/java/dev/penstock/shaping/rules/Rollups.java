package dev.penstock.shaping.rules;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

import dev.penstock.routing.Site;
import dev.penstock.shaping.rules.SiteFinder.Answer;

/**
 * Which sites the domains of the shaping file's sections have now, as far as it has been answered, and which domains are
 * to be asked for. Thread-safe; pure of I/O: who drives it asks and brings the answers.
 *
 * <p>Invariant: at most {@link #MOST_OUT} questions are out, and at most one for each domain. A domain has the site of
 * the last answer that named one; an answer that it has none takes it away, trouble leaves it. Every domain in force
 * either has a question out or a time at which it is due. What is told of domains that aren't in force is nothing.
 */
final class Rollups {
    /** Questions out at one time: a load of many sections must not take the DNS from mail. */
    static final int MOST_OUT = 32;
    /** An answer is asked for again after so long; most come from the router's cache. */
    static final Duration REFRESH = Duration.ofSeconds(60);
    /** After trouble so soon. */
    static final Duration RETRY = Duration.ofSeconds(10);
    /** Mail that went elsewhere has its domain asked for this soon after the last answer. */
    static final Duration AGAIN = Duration.ofSeconds(1);

    private final Map<String, Entry> entries = new HashMap<>();
    private final Set<String> out = new HashSet<>();

    /** What is known of a domain. */
    private static final class Entry {
        private @Nullable Site site;
        private long dueNanos;
        private long answeredNanos;
        private boolean isAnswered;
        private String trouble = "";

        Entry(long nowNanos) {
            dueNanos = nowNanos;
        }
    }

    /** From now on these domains; what is known of those that stay is kept. */
    synchronized void reconfigure(Collection<String> domains, long nowNanos) {
        entries.keySet().retainAll(Set.copyOf(domains));
        domains.forEach(domain -> entries.computeIfAbsent(domain, _ -> new Entry(nowNanos)));
    }

    /** Domains that are to be asked for; an answer for each is owed to {@link #answered}. */
    synchronized List<String> take(long nowNanos) {
        List<String> asked = new ArrayList<>();
        for (Map.Entry<String, Entry> each : entries.entrySet()) {
            if (out.size() == MOST_OUT) {
                break;
            }
            if (each.getValue().dueNanos - nowNanos <= 0 && out.add(each.getKey())) {
                asked.add(each.getKey());
            }
        }
        return asked;
    }

    /** @return whether the domain has another site now, or none any more */
    synchronized boolean answered(String domain, Answer answer, long nowNanos) {
        out.remove(domain);
        Entry entry = entries.get(domain);
        if (entry == null) {
            return false;
        }
        Site before = entry.site;
        Duration wait = REFRESH;
        switch (answer) {
            case Answer.At(Site site) -> {
                entry.site = site;
                entry.trouble = "";
            }
            case Answer.Nowhere(String why) -> {
                entry.site = null;
                entry.trouble = why;
            }
            case Answer.Unknown(String why) -> {
                entry.trouble = why;
                wait = RETRY;
            }
        }
        entry.isAnswered = true;
        entry.answeredNanos = nowNanos;
        entry.dueNanos = nowNanos + wait.toNanos();
        return !Objects.equals(before, entry.site);
    }

    /**
     * Mail of {@code domain} goes to {@code site}.
     *
     * @return whether the domain is to be asked for sooner because of it
     */
    synchronized boolean seen(String domain, Site site, long nowNanos) {
        Entry entry = entries.get(domain);
        if (entry == null || Objects.equals(site, entry.site)) {
            return false;
        }
        long soonest = entry.isAnswered ? Math.max(0, entry.answeredNanos + AGAIN.toNanos() - nowNanos) : 0;
        if (entry.dueNanos - nowNanos <= soonest) {
            return false;
        }
        entry.dueNanos = nowNanos + soonest;
        return true;
    }

    /** Of the domains that have one. */
    synchronized Map<String, Site> sites() {
        Map<String, Site> sites = new HashMap<>();
        entries.forEach((domain, entry) -> {
            if (entry.site != null) {
                sites.put(domain, entry.site);
            }
        });
        return Map.copyOf(sites);
    }

    /** What was wrong with the last answer, by domain. */
    synchronized Map<String, String> troubles() {
        Map<String, String> troubles = new TreeMap<>();
        entries.forEach((domain, entry) -> {
            if (!entry.trouble.isEmpty()) {
                troubles.put(domain, entry.trouble);
            }
        });
        return troubles;
    }

    /** Whether each domain has been answered for, however. */
    synchronized boolean isComplete() {
        return entries.values().stream().allMatch(entry -> entry.isAnswered);
    }

    synchronized int out() {
        return out.size();
    }
}
