"""A hundred prompts that have nothing to do with how a person moves: they must look unfamiliar."""

STRANGERS = tuple(
    line.strip()
    for line in """
    interest rates rose sharply in march
    how do I bake sourdough bread
    the capital of australia is canberra
    write a poem about the sea at night
    the server returned an error code of 500
    a recipe for lentil soup with cumin
    the mitochondria are the powerhouse of the cell
    translate this sentence into french
    my laptop will not connect to the printer
    the price of copper fell by three percent
    a cup of coffee on a wooden table
    what is the square root of two
    the history of the roman empire in short
    a red sports car parked by the sea
    install the package and reboot the machine
    clouds drift over the mountains at dawn
    the contract expires at the end of june
    an oil painting of a bowl of fruit
    please send me the invoice by friday
    the quick brown fox and the lazy dog
    photosynthesis turns light into sugar
    tax returns are due in april
    the temperature will drop below zero tonight
    a list of prime numbers up to one hundred
    the committee approved the new budget
    violin concerto in d major
    the best pizza in naples
    compile the code with all warnings on
    a map of the london underground
    the moon orbits the earth in a month
    delete all files older than a week
    the novel was published in 1925
    garlic, butter, parsley and salt
    a lighthouse in a heavy storm
    the patient was given antibiotics
    quantum computers use qubits
    an email to my landlord about the heating
    the stock market closed higher today
    the bridge was built of steel and granite
    a blue vase with yellow tulips
    how tall is mount everest
    the train to berlin leaves at noon
    a chocolate cake with raspberries
    electrons have a negative charge
    the law was passed by parliament
    summarise the following article
    a black cat asleep on a windowsill
    sales grew in the second quarter
    the password must have twelve characters
    an old castle covered in ivy
    the recipe calls for two eggs
    global warming and the polar ice caps
    the museum is closed on mondays
    a bottle of red wine from portugal
    the keyboard has a broken key
    rainfall in the amazon basin
    the symphony was written in vienna
    a spreadsheet with monthly expenses
    the volcano erupted in iceland
    define the word serendipity
    the flight was delayed by fog
    a green apple and a silver spoon
    convert miles to kilometres
    the dinosaur bones were found in utah
    a cottage with a thatched roof
    the election results are in
    a bowl of ramen with a soft egg
    the database index is corrupted
    sunlight through stained glass
    the river flows into the black sea
    an introduction to linear algebra
    the perfume smells of jasmine
    a wool sweater in autumn colours
    the company hired a new accountant
    what time is it in tokyo
    a field of lavender in provence
    the battery lasts for ten hours
    sodium chloride dissolves in water
    the statue is made of bronze
    a crossword puzzle in the newspaper
    the oven should be at 200 degrees
    the rent went up again this year
    a photograph of the milky way
    the vaccine is given in two doses
    chess openings for beginners
    the ship carried a cargo of grain
    a fresh coat of white paint
    the theorem was proved in 1994
    cheap hotels near the airport
    the forest is home to many owls
    a jar of strawberry jam
    the budget deficit is growing
    the satellite lost its signal
    an essay on the french revolution
    soft rain on a tin roof
    the warranty covers two years
    the bakery opens at six
    a diamond ring in a velvet box
    the harvest was poor this autumn
    version two of the operating system
    """.splitlines()
    if line.strip()
)
