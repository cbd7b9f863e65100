package dev.penstock.config;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * KumoMTA's keys of a section (docs/reference/kumo/make_egress_path) that have no counterpart here, each with the reason: a
 * file with them is taken, and each is named in a warning. Stateless.
 */
final class NoCounterpart {
    private static final String JSSE = "has no effect: TLS is Java's own, whose ciphers and versions are chosen by "
            + "jdk.tls.disabledAlgorithms in java.security for all hosts";
    private static final String REFRESH = "has no effect: a change of the file applies at once, and which sites its "
            + "sections are for is asked anew each minute";
    private static final String WAKE_UP = "has no effect: who frees a session or a slot wakes the queue that waits for it";
    private static final String MEMORY = "has no effect: content isn't held in memory beyond spool.cache-size and "
            + "delivery.memory-limit";
    private static final String MAX_ADDRESSES = "has no effect: a session tries five addresses at most, whatever a "
            + "domain publishes";

    private static final Map<String, String> WHY = new TreeMap<>(Map.ofEntries(
            Map.entry("max_ready",
                    "has no effect: a ready queue has no limit of its own, since nothing is put back when "
                            + "it is full; queue.memory-limit bounds all of them"),
            Map.entry("tls_prefer_openssl", JSSE),
            Map.entry("openssl_cipher_list", JSSE),
            Map.entry("openssl_cipher_suites", JSSE),
            Map.entry("openssl_options", JSSE),
            Map.entry("rustls_cipher_suites", JSSE),
            Map.entry("system_shutdown_timeout",
                    "has no effect: delivery.stop-timeout is for all that is under way at a stop"),
            Map.entry("refresh_interval", REFRESH),
            Map.entry("refresh_strategy", REFRESH),
            Map.entry("dispatcher_wakeup_strategy", WAKE_UP),
            Map.entry("maintainer_wakeup_strategy", WAKE_UP),
            Map.entry("low_memory_reduction_policy", MEMORY),
            Map.entry("no_memory_reduction_policy", MEMORY),
            Map.entry("readyq_pool_name",
                    "has no effect: each session has a virtual thread of its own, and there are no "
                            + "pools of threads to choose from"),
            Map.entry("provider_name",
                    "has no effect: a domain is the provider's whose match its hosts fit, in metrics "
                            + "and in limits alike"),
            Map.entry("ignore_8bit_checks", "has no effect: 8-bit content for a host without 8BITMIME is converted, or "
                    + "returned where it can't be (delivery.convert-eight-bit)"),
            Map.entry("aggressive_connection_opening",
                    "has no effect: as many sessions come up as have come up, up to connection_limit"),
            Map.entry("dispatcher_progress_watchdog_timeout",
                    "has no effect: each phase of a session has a deadline, so none can stand still"),
            Map.entry("max_mx_addresses_per_host", MAX_ADDRESSES),
            Map.entry("max_mx_plan_size", MAX_ADDRESSES),
            Map.entry("suspended",
                    "has no effect, as in KumoMTA since 2023; a rule with suspend, or automation, does that")));

    private NoCounterpart() {}

    static Set<String> keys() {
        return WHY.keySet();
    }

    /**
     * What becomes of the key, for a warning.
     *
     * @param key one of {@link #keys}
     */
    static String why(String key) {
        String why = WHY.get(key);
        if (why == null) {
            throw new IllegalArgumentException("has a counterpart, or isn't KumoMTA's: " + key);
        }
        return why;
    }
}
