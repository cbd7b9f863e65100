package dev.penstock.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import dev.penstock.config.LimitConfig.Dimension;

/** Reads the tables {@code [[limit]]} of a shaping file. Confined to the thread that reads the configuration. */
final class LimitReader {
    static final String LIMIT = "limit";

    private LimitReader() {}

    /** One, and the table that it is read from. */
    private record Read(TableBinder table, LimitConfig limit) {}

    /**
     * Of several files: one of a later file takes the place of one of the same name.
     *
     * @param files     lowest first
     * @param providers that are known
     */
    static List<LimitConfig> read(List<TableBinder> files, Collection<String> providers) {
        List<Read> limits = new ArrayList<>();
        Set<String> named = new HashSet<>();
        for (TableBinder file : files.reversed()) {
            List<Read> ofFile = read(file, providers).stream().filter(each -> !named.contains(each.limit.name()))
                    .toList();
            ofFile.forEach(each -> named.add(each.limit.name()));
            limits.addAll(ofFile);
        }
        for (int i = 0; i < limits.size(); i++) {
            TableBinder table = limits.get(i).table;
            String merged = LIMIT + "[" + i + "]";
            table.keys().forEach(key -> files.getLast().isBelow(merged, key, table.place(key)));
        }
        return limits.stream().map(Read::limit).toList();
    }

    private static List<Read> read(TableBinder file, Collection<String> providers) {
        List<TableBinder> tables = file.tables(LIMIT);
        List<Read> limits = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (TableBinder table : tables == null ? List.<TableBinder>of() : tables) {
            LimitConfig limit = LimitConfig.TABLE.read(table, LimitConfig.TABLE.defaults()).at(table.place());
            check(table, limit, providers);
            if (!limit.name().isEmpty() && !names.add(limit.name())) {
                table.reject(LimitConfig.NAME.name(), "there is a limit of this name already");
            }
            limits.add(new Read(table, limit));
        }
        return limits;
    }

    private static void check(TableBinder table, LimitConfig limit, Collection<String> providers) {
        if (!table.has(LimitConfig.NAME.name())) {
            table.reject(LimitConfig.NAME.name(), "is missing; expected what the limit is called");
        }
        if (table.isWithout(LimitConfig.CONNECTION_LIMIT.name(), LimitConfig.MAX_CONNECTION_RATE.name(),
                LimitConfig.MAX_MESSAGE_RATE.name(), LimitConfig.MAX_RECIPIENT_RATE.name(),
                LimitConfig.MAX_OCTET_RATE.name(), LimitConfig.DAILY_LIMIT.name())) {
            table.reject(LimitConfig.NAME.name(), "limits nothing; expected connection_limit, max_connection_rate, "
                    + "max_message_rate, max_recipient_rate, max_octet_rate or daily_limit");
        }
        if (limit.timeZone() != null && limit.dailyLimit() == null) {
            table.reject(LimitConfig.TIME_ZONE.name(), "has no meaning without daily_limit");
        }
        if (limit.by().size() != new HashSet<>(limit.by()).size()) {
            table.reject(LimitConfig.BY.name(), "says one thing twice");
        }
        for (Dimension dimension : limit.by()) {
            if (!limit.filter(dimension).isEmpty()) {
                table.reject(LimitConfig.BY.name(), "says " + dimension.word() + ", of which " + dimension.word()
                        + " = \"" + limit.filter(dimension) + "\" lets through one alone; allowed: one of the two");
            }
        }
        Set<Dimension> dimensions = limit.dimensions();
        if (dimensions.contains(Dimension.CAMPAIGN) && !dimensions.contains(Dimension.TENANT)) {
            table.reject(limit.by().contains(Dimension.CAMPAIGN) ? LimitConfig.BY.name() : LimitConfig.CAMPAIGN.name(),
                    "campaigns of two tenants may have one name, and would share this limit; expected tenant, too");
        }
        if (limit.maxConnectionRate() != null && limit.isOfSender()) {
            table.reject(LimitConfig.MAX_CONNECTION_RATE.name(), "a session carries mail of many senders, so none of "
                    + "them opens it; allowed without " + words(dimensions));
        }
        if (!limit.provider().isEmpty() && !providers.contains(limit.provider())) {
            String nearest = Nearest.to(limit.provider(), providers);
            table.reject(LimitConfig.PROVIDER.name(), '"' + limit.provider() + "\": there is no such provider"
                    + (nearest == null ? "" : "; did you mean \"" + nearest + "\"?"));
        }
    }

    private static String words(Set<Dimension> dimensions) {
        EnumSet<Dimension> ofSender = EnumSet.copyOf(dimensions);
        ofSender.removeIf(dimension -> !dimension.isOfSender());
        return String.join(", ", ofSender.stream().map(Dimension::word).toList());
    }
}
