package dev.penstock.queue;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.callout.LogPace;
import dev.penstock.config.TenantConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.smtp.Reply;
import dev.penstock.units.ByteSize;
import dev.penstock.units.Rate;

/**
 * How much each tenant has queued, and how much was taken from it in the period of its rate; and whether more may be.
 * Thread-safe, without locks: each number changes by one atomic step. Reports made here, and mail without a tenant, count
 * nowhere.
 *
 * <p>A message's places are taken before it is committed, given back when it isn't, and its destinations' when they are
 * finished. Invariant: an account's destinations are those that are queued or whose places are taken; a place is taken only
 * while they are fewer than the limit in force, so that they are never more by what is taken while it stands. Likewise the
 * kilobytes, and the messages of a period. An account without any of these is closed and forgotten; from then on it never
 * changes, and whoever still has it in hand looks for another.
 */
public final class TenantAccounts {
    private static final Logger log = LoggerFactory.getLogger(TenantAccounts.class);
    /** Of mail that counts nowhere. */
    public static final Taken NOTHING = new Taken("", 0, 0, -1);
    private static final long CLOSED = Long.MIN_VALUE;
    private static final int OCTETS_PER_KILOBYTE = 1024;
    /** Of a period's number and the messages taken in it, packed: a second's number fits 31 bits until 2038. */
    private static final int COUNT_BITS = 32;
    private static final long COUNT_MASK = (1L << COUNT_BITS) - 1;

    /** A tenant that goes on is told of again after so long. */
    private static final long TOLD_AGAIN_MILLIS = Duration.ofMinutes(10).toMillis();

    private final LogPace pace;
    private final ConcurrentHashMap<String, Account> accounts = new ConcurrentHashMap<>();
    private final LongAdder beyondLimit = new LongAdder();
    private final LongAdder beyondOctets = new LongAdder();
    private final LongAdder beyondRate = new LongAdder();
    private final LongSupplier wallMillis;
    private volatile TenantRules rules = TenantRules.NONE;

    /**
     * @param wallMillis milliseconds since 1970, which periods are told by
     * @param nanoTime   {@link System#nanoTime()}, or a test's
     */
    TenantAccounts(LongSupplier wallMillis, LongSupplier nanoTime) {
        this.wallMillis = wallMillis;
        this.pace = new LogPace(nanoTime);
    }

    private static final class Account {
        final AtomicLong destinations = new AtomicLong();
        final AtomicLong kilobytes = new AtomicLong();
        final AtomicLong taken = new AtomicLong();
        /** When the log told last that it is beyond a quota, milliseconds since 1970; 0 for never. */
        final AtomicLong toldMillis = new AtomicLong();
        /** Confined to the thread that recovers: a message's destinations come one after the other. */
        long lastRecovered = -1;

        /** @return false when it is closed */
        boolean add(long more) {
            while (true) {
                long before = destinations.get();
                if (before == CLOSED) {
                    return false;
                }
                if (destinations.compareAndSet(before, before + more)) {
                    return true;
                }
            }
        }
    }

    /** Whether a message may be taken. */
    public sealed interface Answer {}

    /**
     * It may not.
     *
     * @param reply 452 4.3.1 or 451 4.7.1, which says why
     */
    public record Refused(Reply reply) implements Answer {}

    /**
     * Its places are its own, until they are given back or its destinations are finished.
     *
     * @param kilobytesEach that each destination counts for
     * @param period        in whose count it is; -1 when none is kept
     */
    public record Taken(String tenant, int destinations, long kilobytesEach, long period) implements Answer {}

    /** From now on by these rules; what is queued stays queued. A rate of another period begins to count anew. */
    void reconfigure(TenantRules next) {
        rules = next;
    }

    /** Why nothing more is taken from the tenant now; null when something may be. Takes nothing. */
    public @Nullable Reply refusal(String tenant) {
        long nowMillis = wallMillis.getAsLong();
        TenantConfig config = rules.tenant(tenant);
        if (tenant.isEmpty() || !limits(config)) {
            return null;
        }
        Account account = accounts.get(tenant);
        if (account == null) {
            return null;
        }
        Rate rate = config.acceptRate();
        if (rate != null && taken(account.taken.get(), period(rate, nowMillis)) >= rate.count()) {
            return beyond(account, tenant, rate, nowMillis);
        }
        if (config.queueLimit() > 0 && account.destinations.get() >= config.queueLimit()) {
            return beyond(account, tenant, config.queueLimit());
        }
        ByteSize octets = config.queueOctets();
        return octets.bytes() > 0 && account.kilobytes.get() >= kilobytes(octets.bytes())
                ? beyond(account, tenant, octets)
                : null;
    }

    private static boolean limits(TenantConfig config) {
        return config.queueLimit() > 0 || config.queueOctets().bytes() > 0 || config.acceptRate() != null;
    }

    /**
     * Takes a message's places, all or none.
     *
     * @param size octets of content
     */
    public Answer take(String tenant, int destinations, long size) {
        if (tenant.isEmpty()) {
            return NOTHING;
        }
        long nowMillis = wallMillis.getAsLong();
        TenantConfig config = rules.tenant(tenant);
        long each = kilobytes(size);
        Rate rate = config.acceptRate();
        while (true) {
            Account account = account(tenant);
            long period = rate == null ? -1 : period(rate, nowMillis);
            if (rate != null && !takePlace(account, period, rate.count())) {
                return new Refused(beyond(account, tenant, rate, nowMillis));
            }
            long limit = config.queueLimit() == 0 ? Long.MAX_VALUE : config.queueLimit();
            long before = takeUpTo(account.destinations, destinations, limit);
            if (before == CLOSED) {
                continue; // and with it what was counted there
            }
            if (before < 0) {
                giveBackPlace(account, period);
                return new Refused(beyond(account, tenant, config.queueLimit()));
            }
            long octets = config.queueOctets().bytes();
            if (takeUpTo(account.kilobytes, each * destinations,
                    octets == 0 ? Long.MAX_VALUE : kilobytes(octets)) < 0) {
                account.destinations.addAndGet(-destinations);
                giveBackPlace(account, period);
                return new Refused(beyond(account, tenant, config.queueOctets()));
            }
            return new Taken(tenant, destinations, each, period);
        }
    }

    /** @return what there was; -1 when there is no room for that many; {@link #CLOSED} */
    private static long takeUpTo(AtomicLong number, long more, long limit) {
        while (true) {
            long before = number.get();
            if (before == CLOSED) {
                return CLOSED;
            }
            if (before > limit - more) {
                return -1;
            }
            if (number.compareAndSet(before, before + more)) {
                return before;
            }
        }
    }

    private static boolean takePlace(Account account, long period, long most) {
        while (true) {
            long before = account.taken.get();
            long taken = taken(before, period);
            if (taken >= most) {
                return false;
            }
            if (account.taken.compareAndSet(before, packed(period, taken + 1))) {
                return true;
            }
        }
    }

    private static void giveBackPlace(Account account, long period) {
        if (period < 0) {
            return;
        }
        while (true) {
            long before = account.taken.get();
            long taken = taken(before, period);
            if (taken == 0 || account.taken.compareAndSet(before, packed(period, taken - 1))) {
                return;
            }
        }
    }

    private static long period(Rate rate, long nowMillis) {
        return Math.max(0, nowMillis) / Math.max(1_000, rate.period().toMillis());
    }

    private static long packed(long period, long taken) {
        return period << COUNT_BITS | Math.min(taken, COUNT_MASK);
    }

    /** Of the period that is counted, if that is this one. */
    private static long taken(long packed, long period) {
        return packed >>> COUNT_BITS == period ? packed & COUNT_MASK : 0;
    }

    /** What was taken isn't used: nothing came of the message. */
    public void giveBack(Taken taken) {
        if (taken.destinations == 0) {
            return;
        }
        Account account = account(taken.tenant); // not closed: it counts what is given back
        giveBackPlace(account, taken.period);
        account.kilobytes.addAndGet(-taken.kilobytesEach * taken.destinations);
        account.destinations.addAndGet(-taken.destinations);
    }

    /** The message is durable, and of this size: so many octets count for each of its destinations from now on. */
    public void settle(Taken taken, long size) {
        long more = (kilobytes(size) - taken.kilobytesEach) * taken.destinations;
        if (more != 0) {
            account(taken.tenant).kilobytes.addAndGet(more);
        }
    }

    /**
     * A destination is queued whose place wasn't taken before: it was found at a start.
     *
     * @param receivedMillis of its message, which counts in its period
     */
    void queued(String tenant, long kilobytes, long messageId, long receivedMillis) {
        if (tenant.isEmpty()) {
            return;
        }
        long nowMillis = wallMillis.getAsLong();
        Account account = account(tenant);
        while (!account.add(1)) {
            account = account(tenant);
        }
        account.kilobytes.addAndGet(kilobytes);
        Rate rate = rules.tenant(tenant).acceptRate();
        if (rate != null && account.lastRecovered != messageId
                && period(rate, receivedMillis) == period(rate, nowMillis)) {
            account.lastRecovered = messageId;
            takePlace(account, period(rate, nowMillis), Long.MAX_VALUE);
        }
    }

    /** A destination is another tenant's from now on, whatever that one's limits say. */
    void moved(String from, String to, long kilobytes) {
        if (!to.isEmpty()) {
            Account account = account(to);
            while (!account.add(1)) {
                account = account(to);
            }
            account.kilobytes.addAndGet(kilobytes);
        }
        finished(from, kilobytes);
    }

    void finished(String tenant, long kilobytes) {
        if (tenant.isEmpty()) {
            return;
        }
        Account account = account(tenant); // not closed: it counts the destination
        account.kilobytes.addAndGet(-kilobytes);
        account.destinations.addAndGet(-1);
    }

    private Account account(String tenant) {
        Account known = accounts.get(tenant);
        return known != null ? known : accounts.computeIfAbsent(tenant, _ -> new Account());
    }

    /** Forgets accounts of which nothing is to be known. */
    void sweep() {
        long nowMillis = wallMillis.getAsLong();
        accounts.forEach((tenant, account) -> {
            Rate rate = rules.tenant(tenant).acceptRate();
            boolean counts = rate != null && taken(account.taken.get(), period(rate, nowMillis)) > 0;
            if (!counts && account.destinations.compareAndSet(0, CLOSED)) {
                accounts.remove(tenant, account);
            }
        });
    }

    /** Destinations that are queued or about to be. */
    public long destinations(String tenant) {
        Account account = accounts.get(tenant);
        return account == null ? 0 : Math.max(0, account.destinations.get());
    }

    /** Of these, each message in whole ones. */
    public long kilobytes(String tenant) {
        Account account = accounts.get(tenant);
        return account == null ? 0 : account.kilobytes.get();
    }

    /** Messages that were refused since start. */
    public TenantStats stats() {
        return new TenantStats(beyondLimit.sum(), beyondOctets.sum(), beyondRate.sum(), accounts.size());
    }

    static long kilobytes(long octets) {
        return Math.ceilDiv(octets, OCTETS_PER_KILOBYTE);
    }

    private Reply beyond(Account account, String tenant, int limit) {
        beyondLimit.increment();
        tell(account, tenant, "queue-limit", limit);
        return Reply.of(452, "4.3.1", "Error: tenant \"" + tenant + "\" has as many messages queued as its queue-limit "
                + limit + " allows, please try again later");
    }

    private Reply beyond(Account account, String tenant, ByteSize limit) {
        beyondOctets.increment();
        tell(account, tenant, "queue-octets", limit);
        return Reply.of(452, "4.3.1", "Error: tenant \"" + tenant + "\" has as much mail queued as its queue-octets "
                + limit + " allows, please try again later");
    }

    private Reply beyond(Account account, String tenant, Rate rate, long nowMillis) {
        beyondRate.increment();
        tell(account, tenant, "accept-rate", rate);
        long next = (period(rate, nowMillis) + 1) * Math.max(1_000, rate.period().toMillis());
        return Reply.of(451, "4.7.1", "Error: tenant \"" + tenant + "\" has sent as many messages as its accept-rate "
                + rate + " allows, please try again from "
                + Instant.ofEpochMilli(next).truncatedTo(ChronoUnit.SECONDS));
    }

    /** Once for each while, and a line a second for all tenants together: clients ask again and again. */
    private void tell(Account account, String tenant, String quota, Object limit) {
        long now = wallMillis.getAsLong();
        long told = account.toldMillis.get();
        if (told != 0 && Math.abs(now - told) < TOLD_AGAIN_MILLIS || !account.toldMillis.compareAndSet(told, now)) {
            return;
        }
        long keptBack = pace.turn();
        if (keptBack == LogPace.NOT_NOW) {
            account.toldMillis.compareAndSet(now, told); // a later refusal says it
            return;
        }
        log.info("event=tenant-over-quota tenant={} quota={} limit={} destinations={} kilobytes={} kept-back={}",
                tenant,
                quota, limit, destinations(tenant), account.kilobytes.get(), keptBack);
    }
}
