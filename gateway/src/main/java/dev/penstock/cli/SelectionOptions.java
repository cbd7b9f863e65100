package dev.penstock.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import picocli.CommandLine.Option;

import dev.penstock.admin.SelectionQuery;
import dev.penstock.queue.Selection.Attribute;

/** Which queued mail a command is about. Mixed into commands; confined to the main thread. */
final class SelectionOptions {
    @Option(names = "--domain", paramLabel = "NAME", description = "Recipients' domain; * stands for any characters. Like all of these that take a NAME, it may be repeated: one has to fit.")
    private List<String> domains = new ArrayList<>();

    @Option(names = "--site", paramLabel = "NAME", description = "Site.")
    private List<String> sites = new ArrayList<>();

    @Option(names = "--provider", paramLabel = "NAME", description = "Who runs the hosts; - for nobody known.")
    private List<String> providers = new ArrayList<>();

    @Option(names = "--source", paramLabel = "NAME", description = "Source that the mail goes by.")
    private List<String> sources = new ArrayList<>();

    @Option(names = "--pool", paramLabel = "NAME", description = "Pool of sources.")
    private List<String> pools = new ArrayList<>();

    @Option(names = "--tenant", paramLabel = "NAME", description = "Tenant; - for none.")
    private List<String> tenants = new ArrayList<>();

    @Option(names = "--campaign", paramLabel = "NAME", description = "Campaign; - for none.")
    private List<String> campaigns = new ArrayList<>();

    @Option(names = "--class", paramLabel = "CLASS", description = "bulk or transactional.")
    private List<String> classes = new ArrayList<>();

    /** What is selected, as a query has it. */
    List<String[]> query() {
        List<String[]> query = new ArrayList<>();
        add(query, Attribute.DOMAIN, domains);
        add(query, Attribute.SITE, sites);
        add(query, Attribute.PROVIDER, providers);
        add(query, Attribute.SOURCE, sources);
        add(query, Attribute.POOL, pools);
        add(query, Attribute.TENANT, tenants);
        add(query, Attribute.CAMPAIGN, campaigns);
        add(query, Attribute.CLASS, classes);
        return query;
    }

    /** As a selection is read from. */
    Map<String, List<String>> parameters() {
        Map<String, List<String>> parameters = new LinkedHashMap<>();
        query().forEach(each -> parameters.computeIfAbsent(each[0], _ -> new ArrayList<>()).add(each[1]));
        return parameters;
    }

    static void add(List<String[]> query, Attribute attribute, List<String> values) {
        values.forEach(value -> query.add(new String[]{SelectionQuery.name(attribute), value}));
    }
}
