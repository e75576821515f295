"""A class's work, from what was handed in to what is returned.

On seven floors, each of which imports the ones before it:

    1  course      an nbgrader course directory     verdict   what was found, signed
       markup      text that students wrote, made harmless
    2  intake      takes in what students hand in
    3  rebuild     puts their answers into the trusted notebook
    4  batch       marks a class in parallel        results   the page of a batch
    5  gradebook   the only writer of nbgrader's database
    6  feedback    what students get                export    what other programs get
    7  command     `aulac grade …`
"""
