package dev.penstock.verbs;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import dev.penstock.queue.Selection;

/** A selection as one field of a line, as a query writes it. Stateless. */
final class SelectionText {
    private SelectionText() {}

    static String of(Selection selection) {
        return selection.parameters().entrySet().stream()
                .flatMap(each -> each.getValue().stream().map(value -> encode(each.getKey()) + '=' + encode(value)))
                .collect(Collectors.joining("&"));
    }

    /** @throws IllegalArgumentException when it is none */
    static Selection parse(String text) {
        Map<String, List<String>> parameters = new LinkedHashMap<>();
        for (String each : text.isEmpty() ? List.<String>of() : List.of(text.split("&", -1))) {
            int at = each.indexOf('=');
            if (at < 0) {
                throw new IllegalArgumentException(each);
            }
            parameters.computeIfAbsent(decode(each.substring(0, at)), _ -> new ArrayList<>())
                    .add(decode(each.substring(at + 1)));
        }
        return Selection.parse(parameters);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static String decode(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }
}
