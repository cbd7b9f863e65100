package dev.penstock.history;

import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/**
 * How far each file of the delivery log has been indexed. It lies in every commit of the index, so that lines and place are
 * durable together or not at all. Confined to the thread that indexes.
 *
 * <p>A file has a number, given when it was first seen, by which blocks refer to it. Files are taken in the order of their
 * numbers: names sort by time only as long as nobody sets the clock back.
 */
final class LogPlaces {
    private static final String FILE = "file.";
    private static final String NEXT = "next-file";
    private static final String DONE = "done";
    private static final String OPEN = "open";

    /**
     * Where one file is.
     *
     * @param number by which blocks refer to it
     * @param offset octets of it, in clear, whose lines are indexed
     * @param done   whether its end was read when it was compressed already: nothing more comes
     */
    record Place(int number, long offset, boolean done) {}

    private final Map<String, Place> files = new LinkedHashMap<>(); // in the order of numbers
    private int next;

    /** Of what a commit says. */
    static LogPlaces of(Map<String, String> commit) {
        LogPlaces places = new LogPlaces();
        places.next = Integer.parseInt(commit.getOrDefault(NEXT, "0"));
        commit.entrySet().stream().filter(one -> one.getKey().startsWith(FILE))
                .map(one -> Map.entry(Integer.parseInt(one.getKey().substring(FILE.length())),
                        one.getValue().split(" ", 3)))
                .sorted(Map.Entry.comparingByKey())
                .forEach(one -> places.files.put(one.getValue()[2], new Place(one.getKey(),
                        Long.parseLong(one.getValue()[0]), one.getValue()[1].equals(DONE))));
        return places;
    }

    /** Puts all of it into what a commit will say. */
    void write(Map<String, String> commit) {
        commit.put(NEXT, Integer.toString(next));
        files.forEach((name, place) -> commit.put(FILE + place.number,
                place.offset + " " + (place.done ? DONE : OPEN) + " " + name));
    }

    /** Null for one that wasn't seen yet. */
    @Nullable
    Place find(String name) {
        return files.get(name);
    }

    /** Of a file that was there before, or is now. */
    Place of(String name) {
        return files.computeIfAbsent(name, _ -> new Place(next++, 0, false));
    }

    void advance(String name, long offset) {
        Place place = of(name);
        files.put(name, new Place(place.number, offset, place.done));
    }

    void done(String name) {
        Place place = of(name);
        files.put(name, new Place(place.number, place.offset, true));
    }

    /** Forgets files that are gone. */
    void keepOnly(Set<String> names) {
        files.keySet().retainAll(names);
    }

    Collection<String> seen() {
        return files.keySet();
    }

    /** Names by number. */
    Map<Integer, String> names() {
        Map<Integer, String> names = new HashMap<>();
        files.forEach((name, place) -> names.put(place.number, name));
        return names;
    }
}
